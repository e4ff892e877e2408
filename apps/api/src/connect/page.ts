/** What a user sees at the end where the application named no address of its own. No script; every word escaped. */
import { escaped, policyOfStyle } from '../html.ts';

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color:#1c1c1e}' +
  'h1{font-size:1.4rem}';

export const pagePolicy = policyOfStyle(style);

export const endPage = ({ title, text }: { title: string; text: string }): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escaped(title)}</h1>
<p>${escaped(text)}</p>
</body>
</html>
`;
