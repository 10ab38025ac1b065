/** The images that are shown, one beside the other, as a picture. */

import { placeOf, readSheet } from "../data/loading";
import type { ImagesPanel } from "../data/schema";
import { savePng } from "../parts/saving";

const ACROSS = 12;
const LABEL = 16;
/** Pixels of a picture at least, so that its number can be read. */
const LEAST = 80;

/** `sayNumber` is what stands below each. */
export async function saveImages(
	name: string,
	{ pictures }: ImagesPanel,
	pairs: readonly number[],
	sayNumber: (pair: number) => string,
): Promise<void> {
	const factor = Math.max(1, Math.ceil(LEAST / pictures.width));
	const [width, height] = [pictures.width * factor, pictures.height * factor];
	const canvas = document.createElement("canvas");
	canvas.width = Math.min(ACROSS, pairs.length) * (width + 4);
	canvas.height = Math.ceil(pairs.length / ACROSS) * (height + LABEL);
	const pen = canvas.getContext("2d");
	if (!pen) return;
	pen.fillStyle = "#ffffff";
	pen.fillRect(0, 0, canvas.width, canvas.height);
	pen.fillStyle = "#1c1c1c";
	pen.font = "11px system-ui, sans-serif";
	pen.imageSmoothingEnabled = false;
	for (const [i, pair] of pairs.entries()) {
		const { sheet, left, top } = placeOf(pictures, pair);
		const bitmap = await readSheet(pictures, sheet);
		const [x, y] = [(i % ACROSS) * (width + 4), Math.floor(i / ACROSS) * (height + LABEL)];
		pen.drawImage(bitmap, left, top, pictures.width, pictures.height, x, y, width, height);
		pen.fillText(sayNumber(pair), x + 2, y + height + 12);
	}
	savePng(name, canvas);
}
