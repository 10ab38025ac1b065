/** Frames of some moments side by side, one of them marked, with what moved an activity over them. */

import { useEffect, useRef } from "preact/hooks";
import { placeOf, readColumn, readRows, readSheet } from "../data/loading";
import type { Pictures, SaliencyPanel } from "../data/schema";
import { useAnswer } from "./asking";
import { canvasOf, paintMap } from "./fields";
import { placeAmong } from "./searching";
import { useSeen } from "./seeing";

/** Between two frames, pixels on the page. */
export const GAP = 2;

export interface Saliency {
	height: number;
	width: number;
	target: SaliencyPanel["targets"][number];
}

interface Props {
	frames: Pictures;
	rows: readonly number[];
	/** One of the rows. */
	marked: number;
	saliency: Saliency | null;
	/** Pixels on the page. */
	width: number;
	label: string;
	/** Of the frame that was clicked. */
	onPick: (row: number) => void;
}

/** A frame as it is drawn. */
export interface Shot {
	sheet: ImageBitmap;
	left: number;
	top: number;
	map: HTMLCanvasElement | null;
}

export function Strip({ frames, rows, marked, saliency, width, label, onPick }: Props) {
	const place = useRef<HTMLButtonElement>(null);
	const canvas = useRef<HTMLCanvasElement>(null);
	const isSeen = useSeen(place);
	const each = Math.max(1, Math.floor(width / rows.length) - GAP);
	const high = Math.round((each * frames.height) / frames.width);
	const { value, fault } = useAnswer(
		() => (isSeen ? Promise.all(rows.map((row) => readShot(frames, row, saliency))) : null),
		[isSeen, frames, rows.join(), saliency?.target],
	);
	useEffect(() => {
		if (canvas.current && value?.length === rows.length) draw(canvas.current, value, frames, each, high);
	}, [value, each, high]);
	const click = (event: MouseEvent) => {
		const box = place.current?.getBoundingClientRect();
		// Of a click by key the place is 0: that is the marked moment.
		if (!box || event.detail === 0) return onPick(marked);
		const at = Math.floor(((event.clientX - box.left) / box.width) * rows.length);
		onPick(rows[Math.min(Math.max(at, 0), rows.length - 1)] as number);
	};
	const at = rows.indexOf(marked);
	const share = 100 / rows.length;
	return (
		<button type="button" class="strip" ref={place} aria-label={label} title={label} onClick={click}>
			<canvas ref={canvas} style={{ width: `${(each + GAP) * rows.length}px`, height: `${high}px` }} />
			<span class="strip-mark" style={{ left: `${at * share}%`, width: `${share}%` }} />
			{fault && <span class="fault">{fault}</span>}
		</button>
	);
}

export async function readShot(frames: Pictures, row: number, saliency: Saliency | null): Promise<Shot> {
	const { sheet, left, top } = placeOf(frames, row);
	const [bitmap, map] = await Promise.all([readSheet(frames, sheet), saliency ? mapAt(saliency, row) : null]);
	return { sheet: bitmap, left, top, map };
}

/** The map of a moment as a picture; null where none was computed. */
export async function mapAt({ target, height, width }: Saliency, row: number): Promise<HTMLCanvasElement | null> {
	const place = placeAmong(await readColumn(target.rows), row);
	if (place < 0) return null;
	const numbers = await readRows(target.maps, place, place + 1);
	return canvasOf(paintMap(numbers, Math.abs(target.maps.high?.[0] ?? 1)), width, height);
}

function draw(canvas: HTMLCanvasElement, shots: Shot[], frames: Pictures, each: number, high: number): void {
	const density = window.devicePixelRatio || 1;
	canvas.width = Math.round((each + GAP) * shots.length * density);
	canvas.height = Math.round(high * density);
	const pen = canvas.getContext("2d");
	if (!pen) return;
	pen.scale(density, density);
	drawShots(pen, shots, frames, { top: 0, width: each, height: high, density });
}

/** Frames side by side; sizes are of each on the page, and `density` is that of what is drawn on. */
export function drawShots(
	pen: CanvasRenderingContext2D,
	shots: readonly Shot[],
	frames: Pictures,
	{ top: y, width, height, density }: { top: number; width: number; height: number; density: number },
): void {
	shots.forEach(({ sheet, left, top, map }, i) => {
		const x = i * (width + GAP) + GAP / 2;
		pen.imageSmoothingEnabled = width * density < frames.width;
		pen.drawImage(sheet, left, top, frames.width, frames.height, x, y, width, height);
		pen.imageSmoothingEnabled = true;
		if (map) pen.drawImage(map, x, y, width, height);
	});
}
