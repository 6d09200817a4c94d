// The floor plan of the museum in the pictures: its image, and where its spaces and doorways are on it.
import type { Browser } from 'playwright-core';

const [WIDTH, HEIGHT] = [1_180, 560];
/** The id of a space, its left, top, right and bottom, and where its doorway is. */
const ROOMS: readonly (readonly [space: number, ...box: readonly number[]])[] = [
  [2, 20, 20, 280, 200, 280, 110],
  [1, 280, 20, 700, 330, 490, 330],
  [3, 700, 20, 960, 200, 700, 110],
  [8, 960, 20, 1160, 200, 960, 110],
  [4, 20, 200, 280, 400, 280, 260],
  [5, 700, 200, 960, 400, 700, 260],
  [9, 960, 200, 1160, 400, 960, 300],
  [11, 20, 400, 280, 540, 280, 450],
  [12, 280, 330, 700, 540, 490, 540],
  [6, 700, 400, 960, 470, 700, 435],
  [10, 700, 470, 960, 540, 700, 505],
  [7, 960, 400, 1160, 540, 1060, 400],
];

const drawn = ROOMS.map(([space, left = 0, top = 0, right = 0, bottom = 0, x = 0, y = 0]) => ({
  space,
  box: [left, top, right, bottom] as const,
  doorway: [x, y] as const,
}));

/** Doorways have the ids of their spaces. */
export const MUSEUM_PLAN = {
  name: 'Ground floor',
  spaces: drawn.map(({ space, box: [left, top, right, bottom] }) => ({
    space_id: space,
    points: [at(left, top), at(right, top), at(right, bottom), at(left, bottom)],
  })),
  doorways: drawn.map(({ space, doorway: [x, y] }) => ({ doorway_id: space, ...at(x, y) })),
};

/** Walls with an opening at each doorway, as a PNG. */
export async function museumImage(browser: Browser): Promise<Buffer> {
  const walls = drawn.map(
    ({ box: [left, top, right, bottom] }) =>
      `<rect x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" fill="#fff" stroke="#445" stroke-width="6"/>`,
  );
  const openings = drawn.map(({ doorway: [x, y] }) => `<circle cx="${x}" cy="${y}" r="15" fill="#fff"/>`);
  const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT } });
  await page.setContent(
    `<body style="margin:0"><svg width="${WIDTH}" height="${HEIGHT}">${[...walls, ...openings].join('')}</svg></body>`,
  );
  const image = await page.screenshot();
  await page.close();
  return image;
}

function at(x: number, y: number): { x: number; y: number } {
  return { x: x / WIDTH, y: y / HEIGHT };
}
