/** A private Request Tracker 5 on SQLite for tests: a queue, accounts, a token, and mail that goes to a file. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endTree } from './process-tree.ts';
import { findProgram, serviceDirectory, startServer, withFreePorts } from './process.ts';

const install = 'apt-get install --no-install-recommends request-tracker5 rt5-db-sqlite rt5-standalone';
const serverProgram = '/usr/share/request-tracker5/libexec/rt-server';

export interface PrivateRequestTracker {
  url: string;
  queue: string;
  /** May see, create, comment on, reply to and modify tickets of the queue. */
  agent: { user: string; password: string };
  /** May log in and nothing else. */
  stranger: { user: string; password: string };
  /** Of an administrator. */
  token: string;
  readonly pid: number;
  /** The tickets whose subjects hold the text, the oldest first, with their messages in order. */
  tickets(text: string): Promise<{ subject: string; status: string; messages: string[] }[]>;
  /** The mails that it would have sent. */
  mails(): string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const agent = { user: 'agent', password: 'agent & pass=word' };
const stranger = { user: 'stranger', password: 'strangerpass' };

/** `DIR` and `PORT` come from the environment, so that a prepared database serves any number of servers. */
const configuration = `
my ($D, $P) = @ENV{qw(DIR PORT)}; die "DIR, PORT unset\\n" unless $D && $P;
$RT::LocalEtcPath = "$D/etc"; $RT::VarPath = "$D/var";
$RT::MasonDataDir = "$D/mason"; $RT::MasonSessionDir = "$D/session";
Set($rtname, 'rt.test'); Set($Organization, 'rt.test'); Set($Timezone, 'UTC');
Set($DatabaseType, 'SQLite'); Set($DatabaseName, "$D/rt.sqlite");
Set($DatabaseHost, ''); Set($DatabasePort, ''); Set($DatabaseUser, ''); Set($DatabasePassword, '');
Set($WebDomain, '127.0.0.1'); Set($WebPort, $P); Set($WebPath, '');
Set($LogToSyslog, undef); Set($LogToFile, undef); Set($LogToSTDERR, 'info'); Set($LogDir, "$D/log");
Set($BcryptCost, 4); # the default takes a quarter of a second a request
Set($CorrespondAddress, 'rt@rt.test'); Set($CommentAddress, 'rt-comment@rt.test');
Set($MailCommand, sub { open(my $f, '>>', "$D/log/mail.mbox") or return 0; print $f $_[0]->as_string, "\\n"; 1 });
Set($RecordOutgoingEmail, 0);
1;
`;

const seed = `
@Queues = ({ Name => 'Promethion Runs', Description => 'test queue', Lifecycle => 'default' });
@Users = ({ Name => '${agent.user}', Password => '${agent.password}', EmailAddress => 'agent@rt.test', Privileged => 1 },
          { Name => '${stranger.user}', Password => '${stranger.password}', EmailAddress => 'stranger@rt.test', Privileged => 1 });
@ACL = map { { UserId => '${agent.user}', Queue => 'Promethion Runs', Right => $_ } } qw(SeeQueue ShowTicket ShowTicketComments
    CreateTicket ReplyToTicket CommentOnTicket ModifyTicket);
@Final = (sub { my $u = RT::CurrentUser->new(RT->SystemUser); $u->Load('root');
    my ($id, $msg, $tok) = RT::AuthToken->new($u)->Create(Owner => $u->Id, Description => 'test');
    open my $f, '>', "$ENV{DIR}/token" or die $!; print $f "$tok\\n"; });
1;
`;

/** Three to four seconds. Throws `ServiceMissing` where it is not installed. */
export async function startRequestTracker(): Promise<PrivateRequestTracker> {
  const setup = findProgram('rt-setup-database-5', install);
  const perl = findProgram('perl', install);
  if (!existsSync(serverProgram)) findProgram('rt-server', install);
  const directory = serviceDirectory('request-tracker');
  const file = (...names: string[]): string => join(directory.path, ...names);
  const environment = (port: number): NodeJS.ProcessEnv => ({
    ...process.env,
    DIR: directory.path,
    PORT: String(port),
    RT_SITE_CONFIG: file('etc', 'RT_SiteConfig.pm'),
    RT_SITE_CONFIG_DIR: file('etc', 'd'), // else Debian's own would win
    TMPDIR: file('tmp'),
  });

  const launch = async (port: number): Promise<PrivateRequestTracker> => {
    const env = environment(port);
    const start = () =>
      startServer({
        program: perl,
        args: [serverProgram, '--server', 'Starlet', '--max-workers', '2', '--timeout', '20', '--host', '127.0.0.1', '--port', String(port)],
        log: file('log', 'server.log'),
        env,
        ready: async () => {
          const answer = await fetch(`http://127.0.0.1:${port}/REST/1.0/?user=root&pass=password`, { signal: AbortSignal.timeout(5000) });
          if (!/^RT\/\S+ 200 Ok/u.test(await answer.text())) throw new Error('not ready');
        },
      });
    let server = await start();
    const url = `http://127.0.0.1:${port}`;
    const token = readFileSync(file('token'), 'utf8').trim();
    const items = async <T>(path: string, parameters: Record<string, string>): Promise<T[]> => {
      const answer = await fetch(`${url}/REST/2.0/${path}?${new URLSearchParams({ per_page: '100', ...parameters }).toString()}`, { headers: { authorization: `token ${token}` } });
      return ((await answer.json()) as { items: T[] }).items;
    };
    return {
      url,
      queue: 'Promethion Runs',
      agent,
      stranger,
      token,
      get pid() {
        return server.pid;
      },
      tickets: async (text) => {
        const found = await items<{ id: string; Subject: string; Status: string }>('tickets', { query: `Subject LIKE '${text}'`, orderby: 'id', fields: 'Subject,Status' });
        return Promise.all(
          found.map(async ({ id, Subject: subject, Status: status }) => {
            const attachments = await items<{ id: string; Content: string | null }>(`ticket/${id}/attachments`, { fields: 'Content' });
            return { subject, status, messages: attachments.toSorted((a, b) => Number(a.id) - Number(b.id)).flatMap(({ Content }) => Content ?? []) };
          }),
        );
      },
      mails: () => (existsSync(file('log', 'mail.mbox')) ? readFileSync(file('log', 'mail.mbox'), 'utf8') : ''),
      kill: async () => {
        await endTree(server.pid); // its workers would go on answering
        await server.stop('SIGKILL');
      },
      restart: async () => {
        await server.stop();
        server = await start();
      },
      stop: async () => {
        await server.stop();
        directory.remove();
      },
    };
  };

  try {
    for (const name of ['etc/d', 'var', 'mason', 'session', 'tmp', 'log']) mkdirSync(file(name), { recursive: true });
    writeFileSync(file('etc', 'RT_SiteConfig.pm'), configuration);
    writeFileSync(file('seed.pl'), seed);
    for (const action of [['init'], ['insert', '--datafile', file('seed.pl')]]) {
      execFileSync(setup, ['--action', ...action, '--dba-password', ''], { env: environment(1), stdio: ['ignore', 'ignore', 'pipe'] });
    }
    return await withFreePorts(1, ([port]) => launch(port!));
  } catch (error) {
    directory.remove();
    throw error;
  }
}
