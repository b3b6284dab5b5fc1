import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { commandLinePage } from '../../client/cli/docs.ts';
import { exitCodes, exitOf } from '../../client/cli/exit-codes.ts';
import { errorTypes, type ErrorType } from '../../domain/errors.ts';
import { root } from '../support/longshore.ts';

describe('docs/command-line.md', () => {
  it('lists the commands and exit codes that there are', async () => {
    const page = await readFile(path.join(root, 'docs/command-line.md'), 'utf8');
    assert.equal(page, commandLinePage(page), 'out of date: run `node client/cli/docs.ts`');
    assert.match(page, /\| `longshore config show` \|/);
  });
});

describe('exit codes', () => {
  it('are distinct', () => {
    const codes = Object.values(exitCodes).map(({ code }) => code);
    assert.equal(new Set(codes).size, codes.length);
  });

  it('follow the type of the error', () => {
    const expected: Record<ErrorType | 'Unexpected', number> = {
      ConfigError: 2,
      ContractError: 2,
      NotFound: 1,
      PermissionDenied: 1,
      InputCorrupt: 1,
      InputNotReady: 1,
      TransportError: 4,
      StorageFull: 1,
      LockHeld: 1,
      DependencyDown: 4,
      ExternalToolFailed: 1,
      IntegrityMismatch: 1,
      IntermediateLost: 1,
      Unexpected: 1,
    };
    const types = [...(Object.keys(errorTypes) as ErrorType[]), 'Unexpected' as const];
    assert.deepEqual(Object.fromEntries(types.map((type) => [type, exitCodes[exitOf(type)].code])), expected);
  });
});
