/** What the HTTP side and the in-process side share: each provider's world, and the hands of those who own things in it. */
import type { GoogleOwner } from './control/owner.ts';
import type { MicrosoftOwner } from './microsoft/owner.ts';
import type { MicrosoftWorld } from './microsoft/world.ts';
import type { World } from './store/world.ts';

export interface SandboxCore {
  world: World;
  google: GoogleOwner;
  graph: MicrosoftWorld;
  microsoft: MicrosoftOwner;
}
