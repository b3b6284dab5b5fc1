/**
 * The one configuration file, as a schema: the types, the checks, the defaults, the editor's JSON schema and
 * docs/configuration.md all come from here. Every field has a description; a default is written once, here.
 */
import { z } from 'zod';
import { defaultExperimentPattern } from '../domain/sequencing/names.ts';
import { productNames } from '../domain/storage/product-names.ts';
import { kinds } from './kinds.ts';

/** A path that may be relative: to the directory of the configuration file. */
const filePath = z.string().min(1, 'expected a path').register(kinds, { kind: 'path' });

/** A secret never stands in the file itself: it names an environment variable or a file. */
export const secret = z
  .union([z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable') }), z.strictObject({ file: filePath })], {
    error: 'expected { env: NAME } or { file: PATH }, never the secret itself',
  })
  .register(kinds, { kind: 'secret' })
  .meta({ id: 'secret', description: 'A secret: `{ env: NAME }` or `{ file: PATH }` (the file’s first line).' });
export type Secret = z.infer<typeof secret>;

const absolutePath = z.string().regex(/^\//, 'expected an absolute path');
const port = z.int().min(0).max(65535);
const seconds = z.number().positive();
const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected HH:MM');
const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
/** Reports every entry whose key was seen before in the list. */
function unique<Entry>(label: string, keyOf: (entry: Entry) => string) {
  return (entries: Entry[], context: z.core.$RefinementCtx<Entry[]>): void => {
    const first = new Map<string, number>();
    entries.forEach((entry, index) => {
      const earlier = first.get(keyOf(entry));
      if (earlier === undefined) first.set(keyOf(entry), index);
      else context.addIssue({ code: 'custom', path: [index, label], message: `expected another ${label} than that of entry [${earlier}]` });
    });
  };
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** An offset such as +02:00 is no zone: it has no calendar of its own. */
const isTimeZone = (zone: string): boolean => /^[A-Za-z]/.test(zone) && succeeds(() => new Intl.DateTimeFormat('en', { timeZone: zone }));
const isRegularExpression = (pattern: string): boolean => succeeds(() => new RegExp(pattern, 'u'));

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, dot, dash or underscore');

const sqlite = z
  .strictObject({
    client: z.literal('sqlite'),
    file: filePath.optional().describe('Database file; default `<stateDirectory>/<pipeline>.sqlite`.'),
  })
  .describe('Embedded SQLite: nothing to install, one host.');

const mysql = z
  .strictObject({
    client: z.literal('mysql').describe('MySQL ≥ 8.0.23 or MariaDB ≥ 10.6, through mysql2.'),
    host: z.string().default('127.0.0.1').describe('Host name.'),
    port: port.default(3306).describe('TCP port.'),
    socketPath: absolutePath.optional().describe('Unix socket; used instead of host and port.'),
    user: z.string().describe('Account.'),
    password: secret.optional().describe('Its password.'),
    database: z.string().regex(/^[A-Za-z0-9_]+$/, 'expected letters, digits or underscore').describe('Database (schema) name.'),
    tls: z
      .strictObject({
        ca: absolutePath.optional().describe('PEM file of the certificate authority; the system’s when absent.'),
        cert: absolutePath.optional().describe('PEM file of a client certificate.'),
        key: absolutePath.optional().describe('PEM file of its key.'),
        verify: z.boolean().default(true).describe('Check the server’s certificate.'),
      })
      .superRefine((tls, context) => {
        if ((tls.cert === undefined) === (tls.key === undefined)) return;
        const [missing, given] = tls.cert === undefined ? ['cert', 'key'] : ['key', 'cert'];
        context.addIssue({ code: 'custom', path: [missing], message: `expected a file, because ${given} is given` });
      })
      .optional()
      .describe('TLS; off when absent.'),
    pool: z
      .strictObject({
        min: z.int().min(0).default(0).describe('Connections kept open.'),
        max: z.int().min(1).default(8).describe('Most connections of one process; at least the number of activity slots.'),
      })
      .prefault({})
      .describe('Connection pool.'),
  })
  .describe('MySQL or MariaDB.');

export const database = z.discriminatedUnion('client', [sqlite, mysql]);
export type DatabaseConfig = z.infer<typeof database>;

export const directoryService = z
  .strictObject({
    source: z.enum(['ldap', 'dumps', 'none']).default('none').describe('Where names come from: a directory service, dumps as `getent` prints them, or nowhere (names appear as `gid:1234`).'),
    ldap: z
      .strictObject({
        url: z.string().regex(/^ldaps?:\/\//, 'expected ldap://host:port or ldaps://host:port').refine((url) => !url.includes('@'), 'expected no account in the URL; that is what bindDn and password are for').describe('Server.'),
        startTls: z.boolean().default(false).describe('Upgrade an ldap:// connection to TLS before anything else is said.'),
        ca: absolutePath.optional().describe('PEM file of the certificate authority.'),
        serverName: z.string().optional().describe('Name expected in the certificate, when it is not the host of the URL.'),
        bindDn: z.string().optional().describe('Account; anonymous when absent.'),
        password: secret.optional().describe('Its password.'),
        timeoutSeconds: seconds.default(30).describe('Longest wait for one answer.'),
        pageSize: z.int().min(1).max(10000).default(500).describe('Entries a page (RFC 2696).'),
        groups: z
          .strictObject({
            base: z.string().describe('Search base of groups.'),
            filter: z.string().default('(objectClass=posixGroup)').describe('Filter.'),
            gid: z.string().default('gidNumber').describe('Attribute with the number.'),
            name: z.string().default('cn').describe('Attribute with the name.'),
            pi: z.string().default('sangerProjectPI').describe('Attribute with the DN of the principal investigator.'),
          })
          .describe('Groups.'),
        people: z
          .strictObject({
            base: z.string().describe('Search base of people.'),
            filter: z.string().default('(objectClass=posixAccount)').describe('Filter that every entry must also match.'),
            uid: z.string().default('uid').describe('Attribute with the account name.'),
            uidNumber: z.string().default('uidNumber').describe('Attribute with the number.'),
            surname: z.string().default('sn').describe('Attribute shown as the PI’s name.'),
          })
          .describe('People.'),
      })
      .superRefine((ldap, context) => {
        if (ldap.bindDn !== undefined && ldap.password === undefined) context.addIssue({ code: 'custom', path: ['password'], message: 'expected a secret, because bindDn is given' });
        if (ldap.bindDn === undefined && ldap.password !== undefined) context.addIssue({ code: 'custom', path: ['bindDn'], message: 'expected an account, because password is given' });
        if (ldap.startTls && ldap.url.startsWith('ldaps:')) context.addIssue({ code: 'custom', path: ['startTls'], message: 'expected false, because ldaps:// is encrypted from the start' });
      })
      .optional()
      .describe('Needed when `source` is `ldap`.'),
    dumps: z
      .strictObject({
        group: absolutePath.describe('As `getent group` prints: name:x:gid:members.'),
        passwd: absolutePath.optional().describe('As `getent passwd` prints.'),
        pis: absolutePath.optional().describe('Owners: `gid,owner` a line.'),
      })
      .optional()
      .describe('Needed when `source` is `dumps`.'),
    maxAgeHours: z.number().positive().default(168).describe('While the service is down, answers up to this age are used (and flagged).'),
  })
  .superRefine((directory, context) => {
    if (directory.source === 'ldap' && directory.ldap === undefined) context.addIssue({ code: 'custom', path: ['ldap'], message: 'expected the server’s settings, because directory.source is "ldap"' });
    if (directory.source === 'dumps' && directory.dumps === undefined) context.addIssue({ code: 'custom', path: ['dumps'], message: 'expected the files, because directory.source is "dumps"' });
  });
export type DirectoryServiceConfig = z.infer<typeof directoryService>;

const threshold = z
  .strictObject({
    level: z.literal([2, 3]).describe('2 Kinda OK, 3 Not OK.'),
    days: z.number().min(0).describe('Days from now.'),
    above: z.number().min(0).describe('Fraction of the quota that the prediction must exceed.'),
  })
  .describe('One warning rule.');

export const storage = z
  .strictObject({
    scanDirectory: absolutePath.optional().describe('Where the scanners put their files, of any era.'),
    maxDaysAgo: z.int().min(1).default(20).describe('Oldest scan that is still taken for a report, in days before its date.'),
    volumes: z
      .array(
        z.strictObject({
          name: name.describe('Disk name, as in the scan files and the database: scratch117.'),
          mount: absolutePath.optional().describe('Mount point; default `/lustre/<name>`.'),
        }),
      )
      .superRefine(unique('name', (volume) => volume.name))
      .default([])
      .describe('The volumes to report on.'),
    compat: z.enum(['none', 'lurge']).default('none').describe('`lurge` writes TSVs byte for byte as the original did, and names in tables (unknown users and groups, missing PIs) as it had them, for readers that depend on it.'),
    products: z
      .array(z.enum(productNames))
      .superRefine(unique('name', (product) => product))
      .default(['groups', 'users', 'directories', 'ages', 'vault'])
      .describe('What a report makes of each scan, in one pass. `split` (the scan cut into one file a group) compresses everything again: it is off unless named.'),
    engine: z.enum(['auto', 'zlib', 'libisal']).default('auto').describe('What inflates scans. `auto`: libisal where its library is installed and passes a test, else Node’s zlib.'),
    size: z.enum(['recorded', 'apparent']).default('recorded').describe('Column 1, or the apparent size of column 11 where the scanner wrote it.'),
    hardLinks: z.enum(['once', 'divide']).default('once').describe('Count each inode once, or give every link size ÷ links as the original did.'),
    rejectedLinesAllowed: z.int().min(0).default(0).describe('A scan with more unusable lines than this is not loaded.'),
    baseDirectories: z
      .strictObject({
        source: z.enum(['auto', 'file', 'computed']).default('auto').describe('`auto`: the newest *.basedirs beside the scans, computed when there is none.'),
        file: absolutePath.optional().describe('The file, for `source: file`: gid TAB directory.'),
        minimumDepth: z.int().min(1).default(4).describe('Computed: depth below which a directory can be a base directory, where no rule matches a path.'),
        rules: z
          .array(z.strictObject({ prefix: absolutePath.describe('Path prefix.'), minimumDepth: z.int().min(1).describe('Depth, in path components.') }))
          .default([])
          .describe('Computed: depth by path prefix; the rule with most components wins, its last component may be partial.'),
      })
      .superRefine((base, context) => {
        if (base.source === 'file' && base.file === undefined) context.addIssue({ code: 'custom', path: ['file'], message: 'expected a file, because source is "file"' });
      })
      .prefault({})
      .describe('Base directories.'),
    pseudoGroups: z
      .array(
        z.strictObject({
          prefix: absolutePath.describe('Directory.'),
          gid: z.int().max(-1).describe('A negative number of your choice.'),
          group: z.string().min(1).describe('Shown as the group; not the name of a real one.'),
          pi: z.string().optional().describe('Shown as the PI.'),
        }),
      )
      .superRefine(unique('prefix', (pseudo) => pseudo.prefix.replace(/\/+$/, '')))
      .superRefine((groups, context) => {
        groups.forEach((pseudo, index) => {
          const earlier = groups.findIndex((other) => other.gid === pseudo.gid || other.group === pseudo.group);
          const first = groups[earlier]!;
          if (first.gid !== pseudo.gid) context.addIssue({ code: 'custom', path: [index, 'gid'], message: `expected ${first.gid} as in entry [${earlier}], which has the same group` });
          if (first.group !== pseudo.group) context.addIssue({ code: 'custom', path: [index, 'group'], message: `expected "${first.group}" as in entry [${earlier}], which has the same gid` });
          else if (first.pi !== pseudo.pi) context.addIssue({ code: 'custom', path: [index, 'pi'], message: `expected the same as in entry [${earlier}], which has the same group` });
        });
      })
      .default([])
      .describe('Pseudo-groups: data reported by path instead of by group. Several prefixes may share one pseudo-group.'),
    pathAliases: z
      .array(z.strictObject({ pattern: z.string().min(1, 'expected a regular expression').refine(isRegularExpression, 'expected a regular expression').describe('Regular expression, matched at the start of a path at a component’s end.'), replacement: z.string().describe('What stands there instead; `$1`, … are the pattern’s groups.') }))
      .default([])
      .describe('Paths as people see them, where the scanner saw a metadata target behind a link; the first that matches wins.'),
    quotas: z
      .strictObject({
        sources: z.array(z.enum(['lfs', 'csv'])).default([]).describe('Tried in this order for each group; none: quotas are unknown.'),
        lfs: z
          .strictObject({
            command: z.string().default('lfs').describe('Program.'),
            timeoutSeconds: seconds.max(50, 'expected at most 50: progress must be heard of within a minute').default(30).describe('Longest wait for one answer.'),
            parallel: z.int().min(1).default(4).describe('Questions at the same time.'),
          })
          .prefault({})
          .describe('Live quotas.'),
        csv: z
          .strictObject({
            path: absolutePath.describe('One file `gid,disk,size bytes,inodes`, or a directory with one CSV a volume: columns `group` and `limit` in KiB.'),
          })
          .optional()
          .describe('Quotas from files.'),
      })
      .superRefine((quotas, context) => {
        if (quotas.sources.includes('csv') && quotas.csv === undefined) context.addIssue({ code: 'custom', path: ['csv'], message: 'expected the path, because sources has "csv"' });
      })
      .prefault({})
      .describe('Quotas.'),
    forecast: z
      .strictObject({
        days: z.tuple([z.int().min(1), z.int().min(1)]).default([3, 7]).describe('The two horizons, in days.'),
        method: z.enum(['robust', 'lurge', 'wrstat']).default('robust').describe('`robust`: median of slopes over recent points (Theil–Sen), never below zero. `lurge`: the line through the second newest stored point. `wrstat`: the same line, and a warning when it is full within three days, as wrstat-ui has it.'),
        points: z.int().min(2).default(10).describe('robust: most stored points that count.'),
        windowDays: z.int().min(1).default(60).describe('robust: oldest stored point that counts.'),
        thresholds: z
          .union([z.enum(['documented', 'lurge-code', 'weaver']), z.array(threshold)], { error: 'expected "documented", "lurge-code", "weaver" or a list of { level, days, above }' })
          .default('documented')
          .describe('Warning rules: a preset or a list.'),
      })
      .prefault({})
      .describe('Forecast and warning level.'),
    fileTypes: z
      .union(
        [
          z.enum(['default', 'lurge']),
          z
            .array(
              z.strictObject({
                label: z.string().min(1).describe('Shown as the type; also its name in the database.'),
                suffixes: z.array(z.string().min(1, 'expected an ending such as .bam')).min(1).describe('Endings of file names, with their dot.'),
                ignoreCase: z.boolean().default(true).describe('`.BAM` counts as `.bam`.'),
              }),
            )
            .superRefine(unique('label', (type) => type.label)),
        ],
        { error: 'expected "default", "lurge" or a list of { label, suffixes }' },
      )
      .default('default')
      .describe('Types that bytes of files are also summed by; a file counts for every type that it matches. `lurge`: the original’s rules, with their gaps.'),
    vault: z
      .strictObject({
        branches: z.array(z.enum(['keep', 'archive', 'stash', 'staged', 'limbo'])).superRefine(unique('name', (branch) => branch)).default(['keep', 'archive']).describe('Branches of vaults whose files are recorded.'),
      })
      .prefault({})
      .describe('The vault product.'),
    growth: z
      .strictObject({
        days: z.int().min(1).default(7).describe('How many days before a scan the one lies that it is compared with; the nearest that is kept.'),
        top: z.int().min(1).default(1000).describe('Largest movers kept of each volume and level.'),
      })
      .prefault({})
      .describe('Who grew.'),
    history: z
      .strictObject({
        daily: z.int().min(1).default(14).describe('Newest dates that are all kept.'),
        weekly: z.int().min(0).default(8).describe('Weeks of which one date is kept.'),
        monthly: z.int().min(0).default(12).describe('Months of which one date is kept.'),
      })
      .prefault({})
      .describe('How long rows of directories, ages, users and vaults stay. Usage by group is kept for ever.'),
    split: z
      .strictObject({
        directory: absolutePath.optional().describe('Where dated sets are written; default `<reportDirectory>/groups`.'),
        level: z.int().min(1).max(9).default(6).describe('Compression level.'),
        existing: z.enum(['resume', 'replace']).default('resume').describe('When the day’s set is there: keep what is complete, or make it anew.'),
        keepSets: z.int().min(1).default(7).describe('Newest sets that are kept, here and in the object store.'),
        upload: z
          .strictObject({
            endpoint: z.url({ protocol: /^https?$/, error: 'expected http(s)://host' }).optional().describe('S3 endpoint; Amazon’s of the region when absent.'),
            region: z.string().default('us-east-1').describe('Region.'),
            bucket: z.string().min(1).describe('Bucket.'),
            prefix: z.string().regex(/^[^/].*[^/]$|^[^/]?$/, 'expected no slash at either end').default('').describe('Folder in the bucket.'),
            accessKeyId: secret.describe('Access key.'),
            secretAccessKey: secret.describe('Its secret.'),
            forcePathStyle: z.boolean().default(true).describe('Bucket in the path instead of in the host’s name.'),
          })
          .optional()
          .describe('Object store for the sets; nowhere when absent.'),
      })
      .prefault({})
      .describe('The split product.'),
    original: database.optional().describe('Database of the system that Longshore replaces, for `longshore storage compare`; read only.'),
    reportDirectory: absolutePath.optional().describe('Where TSVs go; default `<stateDirectory>/reports`.'),
    concurrency: z.int().min(1).default(2).describe('Volumes read at the same time over all hosts.'),
    backfillConcurrency: z.int().min(1).default(1).describe('Volumes that one back-fill reads at the same time.'),
    waitForPersonHours: z.number().min(0).max(20).default(18).describe('How long a report with failed volumes waits for a person before it ends and lists them.'),
    keepPassDays: z.number().min(0).default(3).describe('How long the figures of a pass are kept in the work directory.'),
    schedule: z
      .strictObject({
        enabled: z.boolean().default(true).describe('False: no schedule is made; without `storage.volumes` neither.'),
        dailyAt: clockTime.default('06:00').describe('Time of the daily report, in the site’s zone.'),
        products: z.array(z.enum(productNames)).min(1).optional().describe('What the daily report makes; `storage.products` when absent.'),
        sets: z
          .array(
            z.strictObject({
              name: name.describe('Of the set; part of its schedule’s and its reports’ ids.'),
              dailyAt: clockTime.describe('Time, in the site’s zone.'),
              products: z.array(z.enum(productNames)).min(1).describe('What it makes.'),
            }),
          )
          .superRefine(unique('name', (set) => set.name))
          .default([])
          .describe('Products that have a time of their own, such as `split` at night.'),
        repairEveryHours: z.int().min(1).max(12).default(4).describe('How often failed volumes are tried again.'),
        growth: z
          .strictObject({ day: z.enum(weekdays).default('monday').describe('Day of the week.'), at: clockTime.default('08:00').describe('Time.') })
          .prefault({})
          .describe('Weekly: who grew.'),
        prune: z
          .strictObject({ day: z.int().min(1).max(28).default(1).describe('Day of the month.'), at: clockTime.default('09:00').describe('Time.') })
          .prefault({})
          .describe('Monthly: history beyond its time is removed.'),
      })
      .prefault({})
      .describe('Schedules.'),
  });
export type StorageConfig = z.infer<typeof storage>;

const sshAccess = z
  .strictObject({
    port: port.min(1).optional().describe('Port.'),
    identityFile: filePath.optional().describe('Private key to use, and no other; what ssh itself tries when absent.'),
    knownHosts: filePath.optional().describe('The only list of known host keys; those of the account and the system when absent.'),
    configFile: filePath.optional().describe('Configuration of ssh; those of the account and the system when absent.'),
  })
  .describe('How ssh reaches it.');

const instrument = z
  .strictObject({
    label: z.string().regex(/^[A-Z0-9]{3,}$/, 'expected three or more capital letters or digits').describe('Its name in the names of runs: EGS2.'),
    location: z
      .string()
      .regex(/^(?:LOCAL|\/.*|[^/:\s]+:\/.*)$/, 'expected user@host:/path, /path or LOCAL')
      .describe('Where it keeps its runs: `user@host:/data`, a mounted path, or `LOCAL` when it writes straight into `runsDirectory`.'),
    sentinel: z.string().min(1).optional().describe('A name that must exist there: missing when a disk is not mounted.'),
    ssh: sshAccess.prefault({}),
    copy: z
      .strictObject({
        strategy: z.enum(['pull', 'push', 'path']).optional().describe('`pull` over ssh, `push` by the instrument into its mount of our file system, `path` from a mount here; by default `pull` for a host and `path` for a path.'),
        pushTo: absolutePath.optional().describe('For `push`: `runsDirectory` as the instrument sees it.'),
        pullRoot: absolutePath.optional().describe('For `pull`: what the location’s path is called to rsync, where its key is bound to a directory (`/`).'),
        growing: z.enum(['append', 'times']).default('append').describe('While a cell grows: send only what is behind what we have, or replace files that differ.'),
        comparing: z.enum(['times', 'content']).default('times').describe('Before a cell counts as complete: compare sizes and times, or every byte.'),
        timeSlackSeconds: z.int().min(0).default(0).describe('Times that differ by this are the same.'),
        phased: z.boolean().default(false).describe('Small files and reads first, raw signal after.'),
        hashList: z.boolean().default(true).describe('Check the copy against the instrument’s own list of hashes, where it wrote one.'),
        bandwidthKiBPerSecond: z.int().min(1).optional().describe('Most that is copied; no limit when absent.'),
        quietHours: z.strictObject({ from: clockTime.describe('First.'), to: clockTime.describe('Last.') }).optional().describe('Hours, in the site’s zone, in which no copy is begun.'),
        everyMinutes: z.number().positive().default(15).describe('Between copies of a run that grows.'),
        atLeastEveryHours: z.number().positive().default(12).describe('Between copies of a run that brings nothing new: each idle copy doubles the interval up to this.'),
        frozenMinutes: z.number().positive().default(10).describe('A copy without progress for this long is ended and tried again; a comparison of every byte, which is silent while it reads, after a day.'),
      })
      .superRefine((copy, context) => {
        if (copy.strategy === 'push' && copy.pushTo === undefined) context.addIssue({ code: 'custom', path: ['pushTo'], message: 'expected a path, because strategy is "push"' });
      })
      .prefault({})
      .describe('Copying.'),
    minimumFreeGiB: z.number().min(0).optional().describe('Less free space than this on the instrument is told to people; `sequencing.minimumFreeGiB` when absent.'),
    heartbeatFile: absolutePath.optional().describe('File on the instrument by which the lab sees that copying works; none when absent.'),
  })
  .superRefine(({ location, copy: { strategy } }, context) => {
    const remote = location.includes(':');
    if (strategy === undefined || location === 'LOCAL') return;
    if (remote === (strategy === 'path')) context.addIssue({ code: 'custom', path: ['copy', 'strategy'], message: `expected ${remote ? '"pull" or "push"' : '"path"'}, because of location` });
  });
export type InstrumentConfig = z.infer<typeof instrument>;

const ticketQueues = z
  .strictObject({
    internal: z.string().min(1).describe('Of internal runs.'),
    visitor: z.string().min(1).optional().describe('Of visitors’ runs; `internal` when absent.'),
    test: z.string().min(1).optional().describe('Of test runs; nothing is told of them when absent.'),
  })
  .describe('Names of queues by the type of the run.');

const requestTracker = {
  url: z.url({ protocol: /^https?$/, error: 'expected http(s)://host' }).describe('Server.'),
  queues: ticketQueues,
  requestor: z.string().min(1).describe('Address that new tickets are from.'),
  cc: z.array(z.string().min(1)).default([]).describe('Addresses that new tickets are copied to.'),
};

const tickets = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }).describe('Nobody is told.'),
    z.strictObject({ kind: z.literal('rt1'), ...requestTracker, user: z.string().describe('Account.'), password: secret.describe('Its password.') }).describe('Request Tracker by REST 1.0.'),
    z.strictObject({ kind: z.literal('rt2'), ...requestTracker, token: secret.describe('Authentication token.') }).describe('Request Tracker by REST 2.0.'),
    z
      .strictObject({
        kind: z.literal('mail'),
        host: z.string().default('127.0.0.1').describe('SMTP server.'),
        port: port.default(25).describe('Port.'),
        security: z.enum(['none', 'starttls', 'tls']).default('none').describe('`none` for a relay on this machine.'),
        user: z.string().optional().describe('Account; none when absent.'),
        password: secret.optional().describe('Its password.'),
        from: z.string().min(3).describe('Sender.'),
        to: z.array(z.string().min(3)).min(1).describe('Recipients.'),
      })
      .superRefine((mail, context) => {
        if ((mail.user === undefined) !== (mail.password === undefined)) context.addIssue({ code: 'custom', path: [mail.user === undefined ? 'user' : 'password'], message: 'expected both account and password, or none' });
      })
      .describe('Mails.'),
  ])
  .describe('Where people are told of a run’s life.');
export type TicketsConfig = z.infer<typeof tickets>;

export const sequencing = z
  .strictObject({
    instruments: z.array(instrument).superRefine(unique('label', (each) => each.label)).default([]).describe('The instruments to mirror; without any the pipeline does nothing.'),
    runsDirectory: absolutePath.optional().describe('Root of raw copies.'),
    outputDirectory: absolutePath.optional().describe('Root of products.'),
    batching: z.enum(['none', 'year', 'month']).default('none').describe('Level between `runsDirectory` and the runs, by the date in a run’s name.'),
    namePattern: z.string().refine(isRegularExpression, 'expected a regular expression').default(defaultExperimentPattern).describe('Regular expression that the whole name of a run matches; others are left alone.'),
    minimumFreeGiB: z.number().min(0).default(100).describe('No copy and no processing is begun with less space than this.'),
    processing: z
      .strictObject({
        level: z.int().min(1).max(9).default(6).describe('Compression level of merged FASTQ.'),
        checksumBatch: z.int().min(1).default(100).describe('Files of a visitor’s cell that are summed by one step.'),
      })
      .prefault({})
      .describe('Processing of complete cells.'),
    tickets: tickets.prefault({ kind: 'none' }),
    idleDays: z.number().min(0).default(14).describe('A complete run is watched for this long; later cells begin it anew.'),
    stallHours: z.number().positive().default(72).describe('A run with cells that are not complete, in which nothing changed for this long, is told to people.'),
    unreachableMinutes: z.number().positive().default(60).describe('An instrument that does not answer for this long is told to people.'),
    clockSkewSeconds: z.number().positive().default(120).describe('A difference of clocks above this is told to people.'),
    schedule: z
      .strictObject({
        enabled: z.boolean().default(true).describe('False: no schedule is made; without `sequencing.instruments` neither.'),
        pollMinutes: z.int().min(1).default(5).describe('How often each instrument is listed.'),
        outboxMinutes: z.int().min(1).default(1).describe('How often waiting tickets and mails are sent.'),
      })
      .prefault({})
      .describe('Schedules.'),
  })
  .superRefine((settings, context) => {
    if (settings.instruments.length === 0) return;
    for (const key of ['runsDirectory', 'outputDirectory'] as const) {
      if (settings[key] === undefined) context.addIssue({ code: 'custom', path: [key], message: 'expected a path, because there are instruments' });
    }
  });
export type SequencingConfig = z.infer<typeof sequencing>;

export const workers = z
  .strictObject({
    pipelines: z.array(z.enum(['storage', 'sequencing'])).min(1).default(['storage', 'sequencing']).describe('Pipelines that this host serves; `sequencing` only where instruments are configured.'),
    capabilities: z
      .array(z.enum(['workflows', 'scan', 'files', 'services']))
      .min(1)
      .default(['workflows', 'scan', 'files', 'services'])
      .describe('What it can do: run workflows; read scans (needs the files and the work directory); see sequencing runs, products and the keys of ssh; reach databases, directory service and tickets.'),
    scanSlots: z.int().min(1).default(2).describe('Passes at the same time on this host; never more than it has cores.'),
    copySlots: z.int().min(1).default(4).describe('Copies of sequencing cells at the same time on this host; one an instrument at most.'),
    processingSlots: z.int().min(1).default(2).describe('Steps of processing sequencing cells at the same time on this host.'),
    serviceSlots: z.int().min(1).default(8).describe('Other activities at the same time.'),
    health: z
      .strictObject({ host: z.string().default('127.0.0.1').describe('Address.'), port: port.default(9464).describe('Port; 0 takes a free one.') })
      .prefault({})
      .describe('`/healthz`, `/readyz`.'),
    metrics: z
      .strictObject({ host: z.string().default('127.0.0.1').describe('Address.'), port: port.default(9465).describe('Port; 0 switches metrics off.') })
      .prefault({})
      .describe('Prometheus metrics at `/metrics`.'),
    logs: z
      .strictObject({
        level: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least level that is written.'),
        format: z.enum(['json', 'text']).default('json').describe('One JSON object a line, or text for a terminal.'),
      })
      .prefault({})
      .describe('Logs, on standard error.'),
    shutdownGraceSeconds: z.number().min(0).default(20).describe('After a stop signal: time for short activities to finish.'),
    shutdownForceSeconds: z.number().min(1).default(60).describe('After that: time for cancelled ones to end.'),
    versioning: z
      .strictObject({ deployment: name.describe('Worker deployment name.'), buildId: z.string().min(1).describe('Build: one string a released version.') })
      .optional()
      .describe('Worker Deployment Versioning; off when absent.'),
    workflowBundle: filePath.optional().describe('Pre-built bundle (`longshore worker bundle`); bundled at start when absent.'),
  });
export type WorkersConfig = z.infer<typeof workers>;

export const configSchema = z
  .strictObject({
    $schema: z.string().optional().describe('For editors.'),
    site: z
      .strictObject({
        name: z.string().default('site').describe('Shown in reports.'),
        timeZone: z.string().refine(isTimeZone, 'expected an IANA time zone such as Europe/London').default('UTC').describe('IANA zone of the site’s calendar dates.'),
      })
      .prefault({})
      .describe('The site.'),
    stateDirectory: filePath.default('.longshore/state').describe('Everything that Longshore writes by default: embedded databases, work files, reports. Several hosts that read scans must share it.'),
    temporal: z
      .strictObject({
        retentionDays: z.int().min(1).default(30).describe('Retention of the namespace when `longshore setup` creates it.'),
      })
      .prefault({})
      .describe('Temporal. Address, namespace, TLS and API key come from the standard environment (TEMPORAL_ADDRESS, … or a profile file).'),
    databases: z
      .strictObject({
        storage: database.default({ client: 'sqlite' }).describe('Database of the storage pipeline.'),
        sequencing: database.default({ client: 'sqlite' }).describe('Database of the sequencing pipeline.'),
      })
      .prefault({})
      .describe('One database a pipeline.'),
    workers: workers.prefault({}).describe('Worker processes.'),
    directory: directoryService.prefault({}).describe('Names of groups and people.'),
    storage: storage.prefault({}).describe('The storage pipeline.'),
    sequencing: sequencing.prefault({}).describe('The sequencing pipeline.'),
  })
  .describe('Longshore’s configuration.');
export type Config = z.infer<typeof configSchema>;
