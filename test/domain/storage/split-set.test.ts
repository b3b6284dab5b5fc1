import assert from 'node:assert/strict';
import fc from 'fast-check';
import { OperationError } from '../../../domain/errors.ts';
import { foldersToPrune, indexName, parseSplitManifest, splitFileNames, splitFolder } from '../../../domain/storage/split-set.ts';

const namesOf = (...groups: [gid: number, name: string][]): string[] => [...splitFileNames(groups.map(([gid]) => gid), new Map(groups)).values()];

describe('file names of a split set', () => {
  const vectors: [what: string, groups: [number, string][], files: string[]][] = [
    ['ordinary names as they are', [[1, 'hgi'], [2, 'Team_113-a.b']], ['hgi.dat.gz', 'Team_113-a.b.dat.gz']],
    ['no way out of the directory', [[1, '..'], [2, '../../etc/passwd'], [3, '/a']], ['%2E..dat.gz', '%2E.%2F..%2Fetc%2Fpasswd.dat.gz', '%2Fa.dat.gz']],
    ['no hidden file and no option', [[1, '.x'], [2, '-rf']], ['%2Ex.dat.gz', '%2Drf.dat.gz']],
    ['control characters, spaces and shell characters', [[1, 'a\tb\nc\0d'], [2, 'a b;$(c)*']], ['a%09b%0Ac%00d.dat.gz', 'a%20b%3B%24%28c%29%2A.dat.gz']],
    ['text beyond ASCII by its bytes', [[1, 'é']], ['%C3%A9.dat.gz']],
    ['the escape itself', [[1, 'a%2Fb'], [2, 'a/b'], [3, 'a~2']], ['a%252Fb.dat.gz', 'a%2Fb.dat.gz', 'a%7E2.dat.gz']],
    ['names that differ in case only', [[1, 'HGI'], [2, 'hgi'], [3, 'Hgi'], [4, 'Team']], ['%48%47%49.dat.gz', 'hgi.dat.gz', '%48gi.dat.gz', 'Team.dat.gz']],
    ['groups without name', [[1234, '']], ['gid-1234.dat.gz']],
    ['a name that pretends to be none', [[1, 'gid-1234'], [2, 'GID-5'], [1234, '']], ['%67id-1234.dat.gz', '%47ID-5.dat.gz', 'gid-1234.dat.gz']],
    ['one name of several gids', [[9, 'x'], [3, 'x'], [5, 'x']], ['x.dat.gz', 'x~5.dat.gz', 'x~9.dat.gz']],
    ['names that are too long', [[7, 'x'.repeat(300)], [8, 'x'.repeat(300)]], [`${'x'.repeat(200)}~7.dat.gz`, `${'x'.repeat(200)}~8.dat.gz`]],
    ['no half escape where a name is cut', [[7, `${'x'.repeat(199)}é`], [8, `${'x'.repeat(198)}é`]], [`${'x'.repeat(199)}~7.dat.gz`, `${'x'.repeat(198)}~8.dat.gz`]],
  ];
  for (const [what, groups, files] of vectors) it(`have ${what}`, () => assert.deepEqual(namesOf(...groups), files));

  it('knows no name of gids that are not in the table', () => assert.deepEqual([...splitFileNames([5], new Map())], [[5, 'gid-5.dat.gz']]));

  it('are safe, short, told apart without regard to case, and can be undone', () => {
    const piece = fc.constantFrom('a', 'A', 'b', '.', '-', '/', '%', '~', 'é', 'É', '\n', 'gid-', '1', '\u202e', 'x'.repeat(90));
    const name = fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 12 }), (names) => {
        const groups = new Map(names.map((each, index) => [index, each]));
        const files = splitFileNames(groups.keys(), groups);
        assert.equal(new Set([...files.values()].map((file) => file.toLowerCase())).size, names.length);
        for (const [gid, file] of files) {
          assert.match(file, /^[A-Za-z0-9_%][A-Za-z0-9_%.~-]*\.dat\.gz$/);
          assert.ok(file.length <= 255);
          const stem = file.slice(0, -'.dat.gz'.length);
          const original = groups.get(gid)!;
          if (original === '') assert.equal(stem, `gid-${gid}`);
          else if (!stem.includes('~')) assert.equal(decodeURIComponent(stem), original);
          else assert.ok(stem.endsWith(`~${gid}`));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('split sets', () => {
  it('are named by the day in digits', () => {
    assert.equal(splitFolder('2026-11-20'), '20261120');
    for (const date of ['2026-02-30', '20261120', '../..', '']) assert.throws(() => splitFolder(date), (error) => error instanceof OperationError && error.type === 'ContractError');
  });

  it('go when they are old, the newest never', () => {
    const folders = ['20261120', '20261118', '20261119'];
    assert.deepEqual(foldersToPrune(folders, 1), ['20261118', '20261119']);
    assert.deepEqual(foldersToPrune(folders, 3), []);
    assert.deepEqual(foldersToPrune([], 1), []);
    for (const keep of [0, -1, 1.5, Number.NaN]) assert.throws(() => foldersToPrune(folders, keep), (error) => error instanceof OperationError && error.type === 'ContractError');
  });

  it('name a group in the index by its real name, on one line', () => {
    assert.equal(indexName(5, 'Team/é'), 'Team/é');
    assert.equal(indexName(5, 'a\tb\nc\rd\\t'), String.raw`a\tb\nc\rd\\t`);
    assert.equal(indexName(5, null), 'gid-5');
  });

  it('have a manifest that leads nowhere else', () => {
    const manifest = (name: string): string => JSON.stringify({ format: 1, date: '2026-11-20', inputs: 'x', volumes: [], files: [{ name, bytes: 1, sha256: 'a'.repeat(64) }] });
    assert.equal(parseSplitManifest(manifest('%2Fa.dat.gz'))?.date, '2026-11-20');
    for (const text of [manifest('../x'), manifest('/etc/passwd'), manifest('.'), manifest(''), manifest('a\nb'), '{', 'null', '[]', '{"format":2}']) assert.equal(parseSplitManifest(text), null, text);
  });
});
