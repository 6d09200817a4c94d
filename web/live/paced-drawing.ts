// Draws what arrived at most ten times a second. Nobody reads digits that change more often, and each drawing takes time from the
// frames in which somebody scrolls.

const EVERY_MS = 100;

/**
 * @param atNextFrame calls what it is given at the browser's next frame
 * @returns a function that asks for `draw`, which then happens once, however often it was asked for: at the next frame, but not within
 * 100 ms of the last time
 */
export function pacedDrawing(draw: () => void, atNextFrame: (act: () => void) => void): () => void {
  let isAskedFor = false;
  let drawnMs = -Infinity;
  const drawNow = (): void => {
    isAskedFor = false;
    drawnMs = performance.now();
    draw();
  };
  return () => {
    if (isAskedFor) return;
    isAskedFor = true;
    const waitMs = drawnMs + EVERY_MS - performance.now();
    if (waitMs > 0) setTimeout(() => atNextFrame(drawNow), waitMs);
    else atNextFrame(drawNow);
  };
}
