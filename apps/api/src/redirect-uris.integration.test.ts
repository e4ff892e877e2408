/** Where a user may be sent in the end: to the addresses of the list, to the letter, and to nothing that looks like one. */
import { hostileAddresses } from '@calfleet/testkit';
import { homeUri, openConnecting, type Connecting } from './testing/connecting.ts';

let all: Connecting;
beforeAll(async () => {
  all = await openConnecting();
});
afterAll(() => all.close());

const authorize = (redirectUri: string) =>
  all.house.send('POST', '/accounts/google/authorize', { access: 'read', redirect_uri: redirectUri });

const almost = [
  `${homeUri}&x=1`,
  `${homeUri}#x`,
  `${homeUri} `,
  homeUri.toUpperCase(),
  homeUri.replace('/connected', '/connected/'),
  homeUri.replace('?from=calfleet', ''),
  homeUri.replace('connected', 'connecte%64'),
  homeUri.replace('.test', '.test:443'),
  `${homeUri},https://evil.example/`,
];

test('no hostile address is taken, and no state is given out for one', async () => {
  const hostile = [...hostileAddresses('https://app.example.test/connected'), ...almost];
  expect(hostile.length).toBeGreaterThan(70);
  for (const address of hostile) {
    const reply = await authorize(address);
    expect([address, reply.status, reply.body.errors?.[0]?.path]).toEqual([address, 422, 'redirect_uri']);
  }
  expect(await all.house.worker('select from calendar_oauth_states')).toHaveLength(0);
  expect((await authorize(homeUri)).status).toBe(200);
});
