/** How far above the line's own noise speech stands out, and the bounds of what counts as noise, dBFS. */
const ABOVE_FLOOR_DB = 9;
const QUIETEST_FLOOR_DB = -60;
/** Steady sound louder than this is somebody, not the line. */
const LOUDEST_FLOOR_DB = -35;
/** The floor follows a quieter frame at once and a louder one slowly, dB per frame (3 dB/s). */
const FLOOR_RISE_DB = 0.06;

/** The line's own noise, followed frame by frame. Pure. */
export class NoiseFloor {
  #floorDb = QUIETEST_FLOOR_DB;

  /** @returns whether a frame of this level, dBFS, stood out of the noise before it. */
  push(levelDb: number): boolean {
    const standsOut = levelDb > this.#floorDb + ABOVE_FLOOR_DB;
    const floorDb = Math.min(levelDb, this.#floorDb + FLOOR_RISE_DB);
    this.#floorDb = Math.min(LOUDEST_FLOOR_DB, Math.max(QUIETEST_FLOOR_DB, floorDb));
    return standsOut;
  }
}
