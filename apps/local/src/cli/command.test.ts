import { readCommand, UsageError } from './command.ts';

const id = '01a1f91e-5067-719c-8c5c-c9db60ef47a9';

test.each([
  [[], { name: 'help' }],
  [['--help'], { name: 'help' }],
  [['status'], { name: 'status', json: false }],
  [['status', '--json'], { name: 'status', json: true }],
  [['accounts'], { name: 'accounts', reauth: false }],
  [['accounts', '--reauth'], { name: 'accounts', reauth: true }],
  [['accounts', 'adopt', id.toUpperCase()], { name: 'adopt', account: id }],
  [['accounts', 'disconnect', id], { name: 'disconnect', account: id, purge: false, deletesManaged: false }],
  [
    ['accounts', 'disconnect', id, '--purge', '--delete-managed-events'],
    { name: 'disconnect', account: id, purge: true, deletesManaged: true },
  ],
  [['calendars'], { name: 'calendars', staleMinutes: null }],
  [['calendars', '--stale'], { name: 'calendars', staleMinutes: 30 }],
  [['calendars', '--stale', '90'], { name: 'calendars', staleMinutes: 90 }],
  [['--stale=5', 'calendars'], { name: 'calendars', staleMinutes: 5 }],
  [['sync', '--calendar', id], { name: 'sync', calendar: id, full: false }],
  [['sync', `--calendar=${id.toUpperCase()}`, '--full'], { name: 'sync', calendar: id, full: true }],
  [['audit-log', 'verify'], { name: 'audit-log verify', noted: null }],
  [
    ['audit-log', 'verify', '--noted', `12:${'0f'.repeat(32)}`],
    { name: 'audit-log verify', noted: { n: 12n, hash: '0f'.repeat(32) } },
  ],
  [['audit', '--user', 'ada'], { name: 'audit', user: 'ada', calendar: null, timeoutSeconds: 300 }],
  [
    ['audit', '--calendar', id, '--timeout', '9'],
    { name: 'audit', user: null, calendar: id, timeoutSeconds: 9 },
  ],
  [['keys', 'list'], { name: 'keys list' }],
  [['keys', 'create', '--scope', 'app'], { name: 'keys create', scope: 'app', label: null, expiresMs: null }],
  [
    ['keys', 'create', '--scope=admin', '--name', ' Ops ', '--expires', '90d'],
    { name: 'keys create', scope: 'admin', label: 'Ops', expiresMs: 90 * 86_400_000 },
  ],
  [['keys', 'rotate'], { name: 'keys rotate' }],
  [['keys', 'status'], { name: 'keys status' }],
  [['keys', 'revoke', '0123456789abcdef'], { name: 'keys revoke', id: '0123456789abcdef' }],
])('%j', (args, command) => {
  expect(readCommand(args)).toEqual(command);
});

test.each([
  [['bogus'], /no command "bogus"/],
  [['status', '--stale'], /status knows no --stale/],
  [['status', 'now'], /"now" is too much/],
  [['accounts', '--json'], /accounts knows no --json/],
  [['accounts', 'adopt'], /adopt wants one account id/],
  [['accounts', 'adopt', 'ada'], /not "ada"/],
  [['accounts', 'disconnect'], /disconnect wants one account id/],
  [['accounts', '--purge'], /accounts knows no --purge/],
  [['accounts', 'disconnect', id, '--reauth'], /accounts knows no --reauth/],
  [['accounts', 'adopt', id, id], /adopt wants one account id/],
  [['accounts', 'adopt', id, '--reauth'], /accounts knows no --reauth/],
  [['accounts', 'show'], /"show" is too much after accounts/],
  [['sync'], /sync needs --calendar/],
  [['sync', '--calendar'], /--calendar/],
  [['sync', '--calendar', 'work'], /--calendar wants an id .* not "work"/],
  [['calendars', '--colour'], /--colour/],
  [['calendars', '--stale', 'long'], /--stale wants a whole number from 1 to 525600, not "long"/],
  [['calendars', '--stale=0'], /--stale wants .* not "0"/],
  [['audit-log'], /audit-log wants verify/],
  [['audit-log', 'erase'], /audit-log wants verify/],
  [['audit-log', 'verify', '--noted', '12'], /--noted wants a link/],
  [['audit-log', 'verify', '--user', 'ada'], /audit-log knows no --user/],
  [['audit'], /audit needs one of --user <id> and --calendar <id>/],
  [['audit', '--user', 'ada', '--calendar', id], /audit needs one of/],
  [['audit', '--user', ' '], /--user is empty/],
  [
    ['audit', '--user', 'ada', '--timeout', '1.5'],
    /--timeout wants a whole number from 1 to 86400, not "1.5"/,
  ],
  [['audit', '--calendar', '1; drop table'], /--calendar wants an id/],
  [['keys'], /keys wants one of create, list, revoke <id>, rotate and status/],
  [['keys', 'lend'], /keys wants one of/],
  [['keys', 'list', 'all'], /"all" is too much after keys list/],
  [['keys', 'list', '--scope', 'app'], /keys knows no --scope/],
  [['keys', 'rotate', '--scope', 'app'], /keys knows no --scope/],
  [['keys', 'status', 'now'], /"now" is too much after keys status/],
  [['keys', 'create'], /keys create needs --scope app or --scope admin/],
  [['keys', 'create', '--scope', 'root'], /needs --scope/],
  [['keys', 'create', '--scope', 'app', '--name', ' '], /--name wants 1 to 100/],
  [['keys', 'create', '--scope', 'app', '--name', 'a\nb'], /--name wants .* on one line/],
  [['keys', 'create', '--scope', 'app', '--expires', '0d'], /--expires wants .* not "0d"/],
  [['keys', 'create', '--scope', 'app', '--expires', '9999d'], /at most 3650d/],
  [['keys', 'create', '--scope', 'app', '--expires', 'soon'], /not "soon"/],
  [['keys', 'revoke'], /revoke wants one key id/],
  [['keys', 'revoke', '0123456789ABCDEF'], /revoke wants one key id/],
  [['keys', 'revoke', '0123456789abcdef', '--json'], /keys knows no --json/],
  [['status', '--scope', 'app'], /status knows no --scope/],
])('%j is refused in one line that names it', (args, message) => {
  expect(() => readCommand(args)).toThrow(UsageError);
  expect(() => readCommand(args)).toThrow(message);
});
