import assert from 'node:assert/strict';
import { compileAliases } from '../../../domain/storage/path-aliases.ts';

describe('path aliases', () => {
  const alias = compileAliases([
    { pattern: '/lustre/scratch119/realdata/mdt[2-3]/teams', replacement: '/lustre/scratch119/humgen/teams' },
    { pattern: '/lustre/scratch119/realdata/mdt[0-9]/casm', replacement: '/lustre/scratch119/casm' },
    { pattern: '/lustre/scratch123/hgi/mdt[0-9]/projects', replacement: '/lustre/scratch123/hgi/projects' },
    { pattern: '/lustre/scratch123/hgi/mdt[0-9]+', replacement: '/second' },
  ]);
  const table: [string, string][] = [
    ['/lustre/scratch119/realdata/mdt2/teams/hgi', '/lustre/scratch119/humgen/teams/hgi'],
    ['/lustre/scratch119/realdata/mdt2/teams', '/lustre/scratch119/humgen/teams'],
    ['/lustre/scratch119/realdata/mdt2/teamsX', '/lustre/scratch119/realdata/mdt2/teamsX'],
    ['/lustre/scratch119/realdata/mdt1/teams/hgi', '/lustre/scratch119/realdata/mdt1/teams/hgi'],
    ['/lustre/scratch119/realdata/mdt9/casm/x', '/lustre/scratch119/casm/x'],
    // The first that matches wins; only its first place is replaced.
    ['/lustre/scratch123/hgi/mdt0/projects/lustre/scratch123/hgi/mdt0/projects', '/lustre/scratch123/hgi/projects/lustre/scratch123/hgi/mdt0/projects'],
    ['/lustre/scratch123/hgi/mdt17/x', '/second/x'],
    ['/nfs/lustre/scratch119/realdata/mdt2/teams', '/nfs/lustre/scratch119/realdata/mdt2/teams'],
    ['/', '/'],
  ];
  for (const [path, expected] of table) {
    it(`${path} → ${expected}`, () => assert.equal(alias(path), expected));
  }

  it('keeps a replacement as it is written', () => {
    assert.equal(compileAliases([{ pattern: '/a|/b', replacement: '/$&$1' }])('/b/x'), '/$&$1/x');
  });

  it('names a pattern that is not a regular expression', () => {
    assert.throws(() => compileAliases([{ pattern: '/a(', replacement: '/b' }]), { name: 'ConfigError', message: /“\/a\(”/u });
  });
});
