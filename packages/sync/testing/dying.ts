/** A worker that dies at one point of one transaction of its work (I12). */
import { Crash, type Point, type World } from './world.ts';

/**
 * It is there no more, and its leases have run out.
 * @param at.nth the point is counted from 1. @returns whether it got so far
 */
export async function dieAt(
  world: World,
  at: { point: Point; nth: number },
  work: () => Promise<unknown>,
): Promise<boolean> {
  let reached = 0;
  world.hook = async (point) => {
    if (point === at.point && (reached += 1) === at.nth) throw new Crash();
  };
  await work();
  world.hook = null;
  world.revive();
  await world.expireLease();
  return reached >= at.nth;
}
