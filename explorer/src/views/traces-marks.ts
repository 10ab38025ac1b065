/** What lies around and behind the traces: the selection, borders of episodes, actions, events. */

import type { Episode } from "../data/schema";
import { CLASS_COLOURS, cssOf } from "../parts/colours";
import { mostFrequent } from "../parts/decimating";
import { firstFrom } from "../parts/searching";
import type { Pen } from "../parts/svg_pen";
import type { Happened } from "../parts/walking";
import type { Axis, Stretch } from "../parts/zooming";
import type { Lane } from "./traces-lanes";

export const EVENT_PX = 14;
export const STRIP_PX = 11;
const LANE_GAP_PX = 4;
/** Half of the width of a mark where there is room; then a line goes down from it too. */
const LARGE_MARK_PX = 4;

export interface Shown {
	lanes: readonly Lane[];
	/** Of each strip the number of the action at every moment. */
	strips: readonly Float32Array[];
	stretch: Stretch;
	axis: Axis;
	episodes: readonly Episode[];
	happened: Happened | null;
	/** Of each class of events. */
	valences: readonly (number | null)[];
	selected: Int32Array | null;
}

/** Where the traces lie, in pixels of the pen, of which there are `ratio` for one of the style sheet. */
export interface Room {
	left: number;
	top: number;
	width: number;
	height: number;
	ratio: number;
	/** The value of a CSS variable. */
	ink: (name: string) => string;
}

/** Places of a lane's top and bottom, in pixels of the style sheet; `height` is that of events and lanes. */
export function sidesOf(lane: number, lanes: number, height: number): [number, number] {
	const each = (height - EVENT_PX) / Math.max(lanes, 1);
	return [EVENT_PX + lane * each + LANE_GAP_PX / 2, EVENT_PX + (lane + 1) * each - LANE_GAP_PX / 2];
}

/** The middle of a row. */
export function acrossOf({ left, width }: Room, [start, stop]: Stretch, row: number): number {
	return left + ((row + 0.5 - start) / (stop - start)) * width;
}

export function drawSelection(pen: Pen, room: Room, { selected, stretch }: Shown): void {
	if (!selected) return;
	const pixels = new Uint8Array(Math.ceil(room.width) + 1);
	const [start, stop] = stretch;
	const last = firstFrom(selected, stop);
	const perRow = room.width / (stop - start);
	for (let i = firstFrom(selected, start); i < last; i++) {
		const left = ((selected[i] as number) - start) * perRow;
		pixels.fill(1, Math.floor(left), Math.max(Math.ceil(left + perRow), Math.floor(left) + 1));
	}
	pen.save();
	pen.globalAlpha = 0.22;
	pen.fillStyle = room.ink("--mark");
	for (let from = 0; from < pixels.length; from++) {
		if (!pixels[from]) continue;
		let to = from;
		while (pixels[to]) to++;
		pen.fillRect(room.left + from, room.top, to - from, room.height);
		from = to;
	}
	pen.restore();
}

export function drawMarks(pen: Pen, room: Room, shown: Shown): void {
	drawBorders(pen, room, shown);
	drawStrips(pen, room, shown);
	drawEvents(pen, room, shown);
}

function drawBorders(pen: Pen, room: Room, { episodes, stretch }: Shown): void {
	const inside = episodes.filter((each) => each.start > stretch[0] && each.start < stretch[1]);
	if (inside.length > room.width / 8) return;
	pen.save();
	pen.fillStyle = room.ink("--soft");
	pen.globalAlpha = 0.55;
	for (const { start } of inside)
		pen.fillRect(Math.round(acrossOf(room, stretch, start - 0.5)), room.top, 1, room.height);
	pen.restore();
}

function drawStrips(pen: Pen, room: Room, { strips, stretch }: Shown): void {
	const width = Math.floor(room.width);
	strips.forEach((actions, i) => {
		const top = room.top + room.height - (strips.length - i) * STRIP_PX * room.ratio;
		const found = mostFrequent(actions, stretch[0], stretch[1], width);
		for (let from = 0; from < width; from++) {
			const action = found[from] as number;
			let to = from + 1;
			while (to < width && found[to] === action) to++;
			if (action >= 0) {
				pen.fillStyle = colourOfAction(action);
				pen.fillRect(room.left + from, top + room.ratio, to - from, (STRIP_PX - 2) * room.ratio);
			}
			from = to - 1;
		}
	});
}

/** Good ones point up, bad ones down, so that they can be told apart without colours; the more, the smaller. */
function drawEvents(pen: Pen, room: Room, { happened, stretch, valences }: Shown): void {
	if (!happened) return;
	const { ratio } = room;
	const [first, last] = [firstFrom(happened.rows, stretch[0]), firstFrom(happened.rows, stretch[1])];
	const each = room.width / Math.max(last - first, 1) / ratio;
	const half = Math.min(Math.max(each / 3, 0.75), LARGE_MARK_PX) * ratio;
	const [top, middle, bottom] = [1, 7, 13].map((at) => room.top + at * ratio) as [number, number, number];
	const inks = ["--bad", "--soft", "--good"].map(room.ink);
	pen.save();
	for (let i = first; i < last; i++) {
		const sign = Math.sign(valences[happened.classes[i] as number] ?? 0);
		const x = acrossOf(room, stretch, happened.rows[i] as number);
		pen.fillStyle = inks[sign + 1] as string;
		pen.beginPath();
		if (sign > 0) triangle(pen, x, half, top, middle);
		else if (sign < 0) triangle(pen, x, half, bottom, middle);
		else pen.rect(x - half / 2, middle - half, half, 2 * half);
		pen.fill();
		if (half < LARGE_MARK_PX * ratio) continue;
		pen.globalAlpha = 0.3;
		pen.fillRect(x - 0.5, bottom, 1, room.height - EVENT_PX * ratio);
		pen.globalAlpha = 1;
	}
	pen.restore();
}

function triangle(pen: Pen, x: number, half: number, tip: number, base: number): void {
	pen.moveTo(x, tip);
	pen.lineTo(x - half, base);
	pen.lineTo(x + half, base);
	pen.closePath();
}

export const colourOfAction = (action: number): string =>
	cssOf(CLASS_COLOURS[action % CLASS_COLOURS.length] as (typeof CLASS_COLOURS)[number]);
