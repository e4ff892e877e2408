/** What the HTTP side and the in-process side share. A further dialect gets its place here, beside Google's. */
import type { GoogleOwner } from './control/owner.ts';
import type { World } from './store/world.ts';

export interface SandboxCore {
  world: World;
  google: GoogleOwner;
}
