/** Addresses that look like a trusted one, or reach where nobody outside should, in the spellings that parsers differ about. */

/** @param trusted an https address with a path, without query; none of the answers is it or lies below it */
export function hostileAddresses(trusted: string): string[] {
  const { host, pathname } = new URL(trusted);
  const path = pathname.replace(/\/$/, '');
  const elsewhere = [
    'evil.example',
    `${host}.evil.example`,
    `evil.example.${host}`,
    `evil${host}`,
    `${host}evil`,
  ];
  /** The metadata service of clouds, and this machine, in every way to write them. */
  const inside = [
    ...[
      '169.254.169.254',
      '2852039166',
      '0xa9fea9fe',
      '0251.0376.0251.0376',
      '0xa9.0xfe.0xa9.0xfe',
      '169.254.43518',
    ],
    ...['[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[0:0:0:0:0:ffff:a9fe:a9fe]', '[fd00:ec2::254]'],
    ...[
      '127.0.0.1',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '0',
      '0.0.0.0',
      'localhost',
      'localhost.',
    ],
    ...[
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[fe80::1]',
      '10.0.0.1',
      '192.168.0.1',
      '100.64.0.1',
    ],
    ...['①②⑦.⓪.⓪.①', '127。0。0。1', '169．254．169．254'],
  ];
  return [
    ...[...elsewhere, ...inside].map((other) => `https://${other}${path}/x`),
    // Who is asked stands behind the at sign.
    ...['evil.example', '169.254.169.254', '[::1]'].map((other) => `https://${host}@${other}${path}/x`),
    `https://${host}:secret@evil.example${path}/x`,
    `https://${host}%40evil.example${path}/x`,
    `https://user:secret@${host}${path}/x`,
    `https://user@${host}${path}/x`,
    // What one parser takes for a path is a host for another.
    `https://evil.example\\@${host}${path}/x`,
    `https://evil.example\\.${host}${path}/x`,
    `https:\\\\evil.example${path}/x`,
    `https:/\\evil.example${path}/x`,
    `https://evil.example#@${host}${path}/x`,
    `https://evil.example?@${host}${path}/x`,
    `https://evil.example/https://${host}${path}/x`,
    `https://evil.example\t.${host}${path}/x`,
    `https://evil.example\n@${host}${path}/x`,
    // Another port, another scheme, another dot.
    `https://${host}:444${path}/x`,
    `https://${host}:80${path}/x`,
    `https://${host}.${path}/x`,
    `https://${host}。${path}/x`,
    `http://${host}${path}/x`,
    `http://169.254.169.254/latest/meta-data/`,
    `ftp://${host}${path}/x`,
    `ws://${host}${path}/x`,
    `javascript://${host}${path}/%0Aalert(1)`,
    `data:text/html,https://${host}${path}/x`,
    `blob:https://${host}${path}/x`,
    'file:///etc/passwd',
    'gopher://127.0.0.1:6379/_FLUSHALL',
    // The right host, and out of the path.
    `https://${host}${path}/../x`,
    `https://${host}${path}/%2e%2e/x`,
    `https://${host}${path}/.%2E/x`,
    `https://${host}${path}\\..\\x`,
    `https://${host}${path}x/x`,
    `https://${host}/x`,
    `https://${host}//evil.example${path}/x`,
    // None at all.
    ...[
      '',
      '//evil.example/x',
      '\\\\evil.example\\x',
      'evil.example',
      'https://',
      'https:',
      `https://${host}`,
    ],
  ];
}
