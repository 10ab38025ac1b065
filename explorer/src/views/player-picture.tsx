/** The frame, what moved an output over it, and boxes around what was in view. */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Pictures } from "../data/schema";
import { canvasOf, paintMap, scaleOf } from "../parts/fields";
import type { Size } from "../parts/screen";
import type { Facts, Seen } from "./player-facts";

/** Light enough to stand out from any picture; each stroke has a dark one under it. */
const BOX = { good: "#6cc4ff", bad: "#ff9d5c", other: "#dddddd" };
const FONT_PX = 11;

/** Device pixels for a pixel of the frame: a whole number, unless that would leave more than a fifth of the room. */
export function scaleFor(width: number, height: number, room: Size): number {
	const largest = Math.min((room.width * room.density) / width, (room.height * room.density) / height);
	const whole = Math.floor(largest);
	return whole >= largest * 0.8 ? whole : largest;
}

interface Props {
	facts: Facts | null;
	frames: Pictures;
	/** Of the saliency panel's maps. */
	map: { height: number; width: number } | null;
	hasBoxes: boolean;
	room: Size;
	label: string;
	canvas: { current: HTMLCanvasElement | null };
}

export function Picture({ facts, frames, map, hasBoxes, room, label, canvas }: Props) {
	const place = useRef<HTMLCanvasElement>(null);
	const scale = scaleFor(frames.width, frames.height, room);
	const [width, height] = [Math.round(frames.width * scale), Math.round(frames.height * scale)];
	useLayoutEffect(() => {
		const drawn = place.current;
		canvas.current = drawn;
		if (!drawn || !facts || width < 1) return;
		if (drawn.width !== width) drawn.width = width;
		if (drawn.height !== height) drawn.height = height;
		const pen = drawn.getContext("2d");
		if (!pen) return;
		pen.imageSmoothingEnabled = false;
		pen.clearRect(0, 0, width, height);
		drawFrame(pen, facts, frames, width, height);
		if (facts.map && map) {
			dim(pen, width, height);
			const painted = canvasOf(paintMap(facts.map, scaleOf(facts.map)), map.width, map.height);
			pen.drawImage(painted, 0, 0, width, height);
		}
		if (hasBoxes) drawBoxes(pen, facts.objects, scale, room.density, width);
	});
	return (
		<canvas
			ref={place}
			class="player-frame"
			role="img"
			aria-label={label}
			style={{ width: `${width / room.density}px`, height: `${height / room.density}px` }}
		/>
	);
}

function drawFrame(
	pen: CanvasRenderingContext2D,
	{ picture }: Facts,
	frames: Pictures,
	width: number,
	height: number,
): void {
	if (!picture) return;
	const { sheet, left, top } = picture;
	pen.drawImage(sheet, left, top, frames.width, frames.height, 0, 0, width, height);
}

/** Grey and darker, so that all colours are those of the map. */
function dim(pen: CanvasRenderingContext2D, width: number, height: number): void {
	pen.globalCompositeOperation = "saturation";
	pen.fillStyle = "hsl(0 0% 50%)";
	pen.fillRect(0, 0, width, height);
	pen.globalCompositeOperation = "source-over";
	pen.fillStyle = "rgb(20 20 20 / 0.45)";
	pen.fillRect(0, 0, width, height);
}

function drawBoxes(pen: CanvasRenderingContext2D, objects: Seen[], scale: number, density: number, most: number): void {
	pen.font = `600 ${FONT_PX * density}px system-ui, sans-serif`;
	pen.textBaseline = "bottom";
	// The farthest first, so that names of near ones lie on top.
	for (const each of [...objects].sort((a, b) => b.distance - a.distance)) {
		const colour = each.valence ? (each.valence > 0 ? BOX.good : BOX.bad) : BOX.other;
		const box = [each.left, each.top, each.width, each.height].map((side) => side * scale) as [
			number,
			number,
			number,
			number,
		];
		for (const [line, ink] of [
			[3.5, "rgb(0 0 0 / 0.75)"],
			[1.5, colour],
		] as const) {
			pen.lineWidth = line * density;
			pen.strokeStyle = ink;
			pen.strokeRect(...box);
		}
		const wide = pen.measureText(each.name).width + 4 * density;
		const high = (FONT_PX + 3) * density;
		const left = Math.max(Math.min(box[0], most - wide), 0);
		const bottom = box[1] >= high ? box[1] : box[1] + box[3] + high;
		pen.fillStyle = "rgb(0 0 0 / 0.75)";
		pen.fillRect(left, bottom - high, wide, high);
		pen.fillStyle = colour;
		pen.fillText(each.name, left + 2 * density, bottom - density);
	}
}
