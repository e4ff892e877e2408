import { readCommand, UsageError } from './command.ts';

const id = '01a1f91e-5067-719c-8c5c-c9db60ef47a9';

test.each([
  [[], { name: 'help' }],
  [['--help'], { name: 'help' }],
  [['status'], { name: 'status' }],
  [['accounts'], { name: 'accounts' }],
  [['calendars'], { name: 'calendars', stale: false }],
  [['calendars', '--stale'], { name: 'calendars', stale: true }],
  [['sync', '--calendar', id], { name: 'sync', calendar: id, full: false }],
  [['sync', `--calendar=${id}`, '--full'], { name: 'sync', calendar: id, full: true }],
])('%j', (args, command) => {
  expect(readCommand(args)).toEqual(command);
});

test.each([
  [['bogus'], /no command "bogus"/],
  [['status', '--stale'], /status knows no --stale/],
  [['status', 'now'], /"now" is too much/],
  [['sync'], /needs --calendar/],
  [['sync', '--calendar', 'work'], /needs --calendar/],
  [['calendars', '--colour'], /--colour/],
])('%j is refused in one line', (args, message) => {
  expect(() => readCommand(args)).toThrow(UsageError);
  expect(() => readCommand(args)).toThrow(message);
});
