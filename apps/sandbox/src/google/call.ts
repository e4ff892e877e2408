/** One authenticated API request, read and ready for its operation. */
import type { AccessToken, Account } from '../store/account.ts';
import type { World } from '../store/world.ts';

export interface Call {
  world: World;
  account: Account;
  accessToken: AccessToken;
  params: URLSearchParams;
  ifMatch: string | undefined;
  ifNoneMatch: string | undefined;
  /** The parsed JSON body; undefined when there was none. */
  body: unknown;
  /** Where this API lives, ending in a slash. */
  rootUrl: string;
}
