/** FASTQ files merged by our activity as a process of its own: `merge.mjs <order as JSON>`. */
const { modules, files, target, level } = JSON.parse(process.argv[2]);
const { mergeFastq } = await import(modules.merge);
const started = performance.now();
const { reads, bases, merged } = await mergeFastq({ files, target, level }, { onProgress: () => undefined });
const seconds = (performance.now() - started) / 1000;
console.log(JSON.stringify({ reads, bases, md5: merged.md5, seconds, peakBytes: process.resourceUsage().maxRSS * 1024 }));
