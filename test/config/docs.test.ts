import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { configurationPage, jsonSchemaText } from '../../config/docs.ts';
import { loadConfig, parseConfig } from '../../config/load.ts';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): Promise<string> => readFile(path.join(root, file), 'utf8');
const howTo = 'out of date: run `node config/docs.ts`';

describe('what is derived from the configuration schema', () => {
  it('config/longshore.schema.json is up to date', async () => assert.equal(await read('config/longshore.schema.json'), jsonSchemaText(), howTo));

  it('docs/configuration.md is up to date', async () => {
    const page = await read('docs/configuration.md');
    assert.equal(page, configurationPage(page), howTo);
  });

  it('describes every key', async () => {
    const page = await read('docs/configuration.md');
    const bare = page.split('\n').filter((line) => /^\| `[^|]*\|[^|]*\|[^|]*\| +\|$/.test(line));
    assert.deepEqual(bare, []);
    for (const key of ['site.timeZone', 'databases.storage.pool.max', 'directory.ldap.groups.pi', 'storage.volumes[].mount', 'storage.forecast.thresholds[].above']) assert.ok(page.includes(`\n| \`${key}\` |`), key);
  });

  it('examples in the page are valid', async () => {
    const [, faulty = ''] = /```\n(longshore\.yaml[^`]*)```/.exec(await read('docs/configuration.md')) ?? [];
    assert.match(faulty, /storage\.volumes\[1\]\.mount is "scratch1": expected an absolute path\./);
    const { faults } = parseConfig('storage: { volumes: [{ name: a }, { name: b, mount: scratch1 }] }\nstorag: {}');
    for (const { sentence } of faults) assert.ok(faulty.includes(sentence), sentence);
  });

  it('config/example.yaml is valid', async () => {
    const { config } = await loadConfig({ file: path.join(root, 'config/example.yaml') });
    assert.equal(config.storage.volumes.length, 5);
    const { ldap } = config.directory;
    assert.deepEqual(ldap?.password, { file: path.join(root, 'config/ldap-password') });
  });
});
