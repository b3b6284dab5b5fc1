/** One `type=value`: a quoted value, or one that ends before an unescaped `,`, `;` or `+`; blanks around it are not part of it. */
const pair = /\s*([A-Za-z][\w-]*|\d+(?:\.\d+)*)\s*=\s*("(?:[^"\\]|\\.)*"|(?:[^,;+"\\]|\\.)*?)\s*(\+|[,;]|$)/sy;

/**
 * The value that a distinguished name begins with (RFC 4514): of `uid=a\2c b,ou=people,…` it is `a, b`.
 * In a name that begins with several (`cn=x+uid=ab12,…`) the one of type `preferred` counts, else the first.
 * Null for text that is no such name, and for values in BER (`#0402…`).
 */
export function leadingValue(dn: string, preferred: string): string | null {
  const pairs: { type: string; value: string }[] = [];
  pair.lastIndex = 0;
  for (;;) {
    const [, type = '', value = '', end] = pair.exec(dn) ?? [];
    if (end === undefined) return null;
    if (!value.startsWith('#')) pairs.push({ type: type.toLowerCase(), value: unescape(value) });
    if (end !== '+') break;
  }
  const found = pairs.find(({ type }) => type === preferred.toLowerCase()) ?? pairs[0];
  return found === undefined || found.value === '' ? null : found.value;
}

function unescape(value: string): string {
  const plain = value.startsWith('"') ? value.slice(1, -1) : value;
  // Escaped bytes that follow each other are one piece of UTF-8.
  return plain.replaceAll(/((?:\\[0-9A-Fa-f]{2})+)|\\(.)/gs, (_, bytes: string | undefined, character: string) =>
    bytes === undefined ? character : Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
}
