/** The raster's picture: colours, one band for each layer, and what is saved of it. */

import { readUnit } from "../data/loading";
import type { Layer } from "../data/schema";
import { cssOf, DIVERGING_TABLE, NOTHING } from "../parts/colours";
import type { Shown } from "../parts/raster_data";
import { type Band, LIMIT, shadesOfLayer } from "../parts/raster_image";
import { tableOf } from "../parts/shading";
import { PLAIN } from "../parts/splat";
import { episodeAt, index } from "../state";

/** Pixels of the names at the left and of the events above. */
export const NAMES = 118;
export const EVENTS = 12;

/** The figure's colours; on a dark page 0 is dark, so that what stands out is activity. */
function coloursOf(dark: boolean): { pixels: Uint32Array; css: string } {
	const bytes = dark ? tableOf({ ...SCALE, kind: "numbers", map: "diverging" }, true) : DIVERGING_TABLE;
	const pixels = new Uint32Array(256);
	const colours: string[] = [];
	for (let i = 0; i < 255; i++) {
		const [red, green, blue] = bytes.subarray(3 * i, 3 * i + 3) as unknown as [number, number, number];
		pixels[i] = 0xff000000 | (blue << 16) | (green << 8) | red;
		if (i % 32 === 0 || i === 254) colours.push(cssOf([red, green, blue]));
	}
	pixels[PLAIN] = 0xff000000 | (NOTHING[2] << 16) | (NOTHING[1] << 8) | NOTHING[0];
	return { pixels, css: `linear-gradient(to right,${colours.join(",")})` };
}

const SCALE = { low: -LIMIT, high: LIMIT, units: "", isCut: false, hasPlain: false };
export const LIGHT = coloursOf(false);
export const DARK = coloursOf(true);

const spare = typeof document === "undefined" ? null : document.createElement("canvas");

/** Draw the units of one layer. */
export function drawBand(
	pen: CanvasRenderingContext2D,
	data: Shown,
	order: number[],
	band: Band<Layer>,
	[start, stop]: [number, number],
	columns: number,
	width: number,
	density: number,
	dark: boolean,
): void {
	const rows = Math.max(1, Math.min(order.length, Math.ceil(2 * band.height * density)));
	const part: [number, number] = [(start - data.from) / data.perNumber, (stop - data.from) / data.perNumber];
	const shades = shadesOfLayer(data.units, order, part, columns, rows);
	const image = new ImageData(columns, rows);
	const pixels = new Uint32Array(image.data.buffer);
	const table = (dark ? DARK : LIGHT).pixels;
	for (let i = 0; i < shades.length; i++) pixels[i] = table[shades[i] as number] as number;
	if (!spare) return;
	[spare.width, spare.height] = [columns, rows];
	spare.getContext("2d")?.putImageData(image, 0, 0);
	// More rows than pixels are averaged, fewer stay sharp.
	pen.imageSmoothingEnabled = rows > band.height * density;
	pen.drawImage(spare, NAMES, EVENTS + band.top, width, band.height);
}

/** What the raster shows, for a file. */
export async function table(layers: Layer[], orders: Map<Layer, number[]>, [start, stop]: [number, number]) {
	const units = layers.flatMap((layer) => (orders.get(layer) ?? []).map((number) => ({ layer, number })));
	const read = await Promise.all(units.map(({ layer, number }) => readUnit(layer.activity, number, start, stop)));
	const found: (string | number)[][] = [
		["row", "episode", "decision", ...units.map(({ layer, number }) => `${layer.name}/${number}`)],
	];
	for (let row = start; row < stop; row++) {
		const episode = episodeAt(row);
		const first = index.value?.recording?.episodes[episode]?.start ?? 0;
		found.push([row, episode, row - first, ...read.map((each) => each[row - start] as number)]);
	}
	return found;
}
