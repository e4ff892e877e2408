/** The consent page as a browser sees it: who signs in, a tick box per permission, Allow and Cancel. */
import type { Reply } from '../reply.ts';

export interface ConsentPage {
  provider: string;
  clientId: string;
  /** Addresses that may sign in; the hinted one is chosen. */
  accounts: readonly string[];
  loginHint: string | null;
  scopes: readonly string[];
}

export function consentPage({ provider, clientId, accounts, loginHint, scopes }: ConsentPage): Reply {
  const people = accounts.map(
    (email) =>
      `<option${email === loginHint ? ' selected' : ''} value="${escaped(email)}">${escaped(email)}</option>`,
  );
  const ticks = scopes.map(
    (scope) =>
      `<p><label><input type="checkbox" name="scope" value="${escaped(scope)}" checked> ${escaped(scope)}</label></p>`,
  );
  // Without an action the form goes where the page came from, with everything that was asked for.
  return page(
    200,
    `${provider} sandbox`,
    `<h1>${escaped(clientId)} wants access to your ${provider} account</h1>
<form method="post">
<p><label>Account <select name="account">${people.join('')}</select></label></p>
${ticks.join('\n')}
<p><button name="decision" value="allow">Allow</button> <button name="decision" value="cancel">Cancel</button></p>
</form>`,
  );
}

/** Requests that may not even be answered to the client: what they name is not trusted. */
export const refusalPage = (status: number, error: string, text: string): Reply =>
  page(status, 'Access blocked', `<h1>Error ${status}: ${escaped(error)}</h1>\n<p>${escaped(text)}</p>`);

export const redirect = (target: string, params: Record<string, string | null>): Reply => {
  const url = new URL(target);
  for (const [name, value] of Object.entries(params)) {
    if (value !== null) url.searchParams.set(name, value);
  }
  return { status: 302, headers: { Location: url.href }, body: '' };
};

const page = (status: number, title: string, content: string): Reply => ({
  status,
  headers: {
    'Content-Type': 'text/html; charset=UTF-8',
    'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  },
  body: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }</style></head>
<body>
${content}
</body>
</html>
`,
});

const escaped = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
