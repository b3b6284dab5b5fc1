import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defaultFileTypes, type FileType, FileTypes, lurgeFileTypes } from '../../../domain/storage/file-types.ts';

function labelsOf(types: readonly FileType[], name: string): string[] {
  const found = new FileTypes(types);
  const path = Buffer.from(`/a.bam/${name}`);
  // What a longer path left behind the end is nobody's name.
  const bits = found.of(Buffer.concat([path, Buffer.from('.cram.gz')]), path.length);
  return found.labels.filter((_, index) => (bits & (1 << index)) !== 0);
}

/** The original's expressions. */
const original: Record<string, RegExp> = {
  SAM: /\.(sam)(\.gz)?$/, BAM: /\.(bam)(\.gz)?$/, FASTQ: /\.(fastq)$/, 'FASTQ (gzip)': /\.(fastq)(\.gz)$/, CRAM: /\.(cram)(\.gz)$/,
  VCF: /\.(vcf|bcf|gvcf)$/, 'VCF (gzip)': /\.(vcf|bcf|gvcf)(\.gz)$/, PEDBED: /\.(ped|bed)(\.gz)?$/,
};

describe('file types', () => {
  const table: [name: string, corrected: string[], lurge: string[]][] = [
    ['x.bam', ['BAM'], ['BAM']],
    ['x.BAM', ['BAM'], []],
    ['.bam', ['BAM'], ['BAM']],
    ['bam', [], []],
    ['x.bam.bai', [], []],
    ['x.cram', ['CRAM'], []],
    ['x.cram.gz', ['CRAM'], ['CRAM']],
    ['x.Fq.gz', ['FASTQ (gzip)'], []],
    ['x.fq', ['FASTQ'], []],
    ['x.fastq', ['FASTQ'], ['FASTQ']],
    ['x.fastq.gz', ['FASTQ (gzip)'], ['FASTQ (gzip)']],
    ['x.g.vcf.gz', ['VCF (gzip)'], ['VCF (gzip)']],
    ['x.bcf', ['VCF'], ['VCF']],
    ['x.gvcf', ['VCF'], ['VCF']],
    ['x.ped.gz', ['PEDBED'], ['PEDBED']],
    ['x.sam.gz', ['SAM'], ['SAM']],
    ['xsam', [], []],
    ['x.gz', [], []],
    ['x', [], []],
  ];
  for (const [name, corrected, lurge] of table) {
    it(`${name} is ${corrected.join(' and ') || 'none'}; with the original ${lurge.join(' and ') || 'none'}`, () => {
      assert.deepEqual(labelsOf(defaultFileTypes, name), corrected);
      assert.deepEqual(labelsOf(lurgeFileTypes, name), lurge);
    });
  }

  const name = fc.array(fc.constantFrom('.', 'gz', 'sam', 'bam', 'fastq', 'fq', 'cram', 'vcf', 'bcf', 'gvcf', 'g', 'ped', 'bed', 'BAM', 'x'), { minLength: 1, maxLength: 7 }).map((parts) => parts.join(''));
  it('are those of the original’s expressions', () => {
    fc.assert(fc.property(name, (text) => assert.deepEqual(labelsOf(lurgeFileTypes, text), lurgeFileTypes.map(({ label }) => label).filter((label) => original[label]!.test(text)))), { numRuns: 2000 });
  });
  it('count for every type that matches, of bytes beyond letters too', () => {
    const types: FileType[] = [{ label: 'a', suffixes: ['z', '.gz'] }, { label: 'b', suffixes: ['.GZ'], ignoreCase: true }, { label: 'c', suffixes: [String.raw`\xff`] }, { label: 'd', suffixes: ['[', '_{'], ignoreCase: true }];
    assert.deepEqual([labelsOf(types, 'x.gz'), labelsOf(types, 'x.gZ'), labelsOf(types, 'x{'), labelsOf(types, '_{')], [['a', 'b'], ['b'], [], ['d']]);
  });

  const wrong: [types: FileType[], message: RegExp][] = [
    [[{ label: 'x', suffixes: [''] }], /“” cannot be the end of a file's name \(file type x\)/],
    [[{ label: 'x', suffixes: ['a/b'] }], /“a\/b” cannot be the end/],
    [[{ label: 'x', suffixes: ['a'] }, { label: 'x', suffixes: ['b'] }], /two file types named x/],
    [Array.from({ length: 32 }, (_, index) => ({ label: String(index), suffixes: ['a'] })), /32 file types; at most 31/],
  ];
  for (const [types, message] of wrong) it(`are refused: ${message.source}`, () => assert.throws(() => new FileTypes(types), message));
});
