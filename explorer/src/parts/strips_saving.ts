/** Strips of frames as one picture, each with its line of text above it. */

import type { Pictures } from "../data/schema";
import { type Download, PNG_DENSITY, savePng } from "./saving";
import { inkOf } from "./screen";
import { drawShots, GAP, readShot, type Saliency } from "./strip";
import { canvasOfSheet } from "./svg_pen";

export interface SavedStrip {
	title: string;
	rows: readonly number[];
	/** One of the rows. */
	marked: number;
}

/** Pixels of the page: a frame's width, a line of text, and what is left empty around all. */
const [FRAME, LINE, EDGE] = [120, 20, 8];

/** `strips` are those shown now; a frame that cannot be read is said where it is shown. */
export function stripsDownload(
	name: string,
	frames: Pictures | null,
	saliency: Saliency | null,
	strips: readonly SavedStrip[],
): Download[] {
	if (!frames || strips.length === 0) return [];
	return [{ format: "PNG", run: () => void saveStrips(name, frames, saliency, strips).catch(() => {}) }];
}

async function saveStrips(
	name: string,
	frames: Pictures,
	saliency: Saliency | null,
	strips: readonly SavedStrip[],
): Promise<void> {
	const shots = await Promise.all(
		strips.map(({ rows }) => Promise.all(rows.map((row) => readShot(frames, row, saliency)))),
	);
	const high = Math.round((FRAME * frames.height) / frames.width);
	const most = Math.max(...strips.map(({ rows }) => rows.length));
	const [width, height] = [2 * EDGE + most * (FRAME + GAP), 2 * EDGE + strips.length * (LINE + high + EDGE)];
	const ink = (variable: string) => inkOf(document.body, variable);
	const draw = (pen: CanvasRenderingContext2D): void => {
		pen.fillStyle = ink("--panel");
		pen.fillRect(0, 0, width, height);
		pen.translate(EDGE, EDGE);
		pen.font = "12px sans-serif";
		pen.lineWidth = 2;
		strips.forEach(({ title, rows, marked }, i) => {
			const top = i * (LINE + high + EDGE) + LINE;
			pen.fillStyle = ink("--ink");
			pen.fillText(title, GAP / 2, top - 6, width - 2 * EDGE);
			drawShots(pen, shots[i] ?? [], frames, { top, width: FRAME, height: high, density: PNG_DENSITY });
			const at = rows.indexOf(marked) * (FRAME + GAP);
			pen.strokeStyle = ink("--mark");
			pen.strokeRect(at + 1, top - 1, FRAME, high + 2);
		});
	};
	savePng(name, canvasOfSheet({ width, height, draw: (pen) => draw(pen as CanvasRenderingContext2D) }, PNG_DENSITY));
}
