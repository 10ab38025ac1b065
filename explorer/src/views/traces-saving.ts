/** Traces as a table and as a picture. */

import type { Recording } from "../data/schema";
import { scaleTo } from "../parts/axes";
import { saveCsv } from "../parts/saving";
import { inkOf } from "../parts/screen";
import type { Pen, Sheet } from "../parts/svg_pen";
import { say } from "../parts/words";
import type { Stretch } from "../parts/zooming";
import { episodeAt } from "../state";
import type { Lane } from "./traces-lanes";
import { acrossOf, drawMarks, drawSelection, EVENT_PX, type Room, type Shown, STRIP_PX, sidesOf } from "./traces-marks";
import { AXIS_PX, type TracePlot } from "./traces-plot";

type Strip = { name: string; outputs: string[] };

/** One line for each moment that is shown. */
export function tableOfTraces(
	known: Recording,
	lanes: readonly Lane[],
	actions: readonly Float32Array[],
	strips: readonly Strip[],
	[start, stop]: Stretch,
): (string | number | null)[][] {
	const seconds = known.seconds_per_decision;
	const named = lanes.map(({ title, units }) => (units ? `${title} (${units})` : title));
	const table: (string | number | null)[][] = [
		["row", "episode", "step", ...(seconds === null ? [] : ["time (s)"]), ...named, ...strips.map((each) => each.name)],
	];
	for (let row = start; row < stop; row++) {
		const episode = episodeAt(row);
		const step = row - (known.episodes[episode]?.start ?? 0);
		const taken = strips.map(({ outputs }, i) => outputs[actions[i]?.[row] ?? -1] ?? null);
		const time = seconds === null ? [] : [Number((step * seconds).toFixed(4))];
		table.push([row, episode, step, ...time, ...lanes.map((lane) => lane.numbers?.[row] ?? null), ...taken]);
	}
	return table;
}

export function saveTraces(...given: Parameters<typeof tableOfTraces>): void {
	saveCsv("traces", tableOfTraces(...given));
}

const LABELS_PX = 170;
const FONT = "11px system-ui, sans-serif";

/** What is on the screen, the names and ranges beside it; null while nothing is. */
export function sheetOfTraces(
	trace: TracePlot | null,
	strips: readonly Strip[],
	axisTitle: string,
	row: number,
): Sheet | null {
	if (!trace) return null;
	const { over } = trace.plot;
	const { shown, data, ranges, ticks } = trace.content();
	const [width, height] = [over.clientWidth, over.clientHeight];
	const ink = (name: string) => inkOf(over, name);
	const room: Room = { left: LABELS_PX, top: 0, width, height, ratio: 1, ink };
	const draw = (pen: Pen) => {
		pen.fillStyle = ink("--panel");
		pen.fillRect(0, 0, LABELS_PX + width + 8, height + AXIS_PX);
		drawSelection(pen, room, shown);
		drawAxis(pen, room, shown, ticks, axisTitle);
		shown.lanes.forEach((lane, i) => {
			const sides = sidesOf(i, shown.lanes.length, height - STRIP_PX * strips.length);
			const range = ranges[i] ?? [Number.NaN, Number.NaN];
			drawLane(pen, room, shown.stretch, lane.colour, data[0], data[i + 1] ?? [], range, sides);
			drawLabel(pen, lane, range, sides, ink);
		});
		drawMarks(pen, room, shown);
		pen.fillStyle = ink("--mark");
		const at = acrossOf(room, shown.stretch, row);
		if (at >= room.left && at <= room.left + width) pen.fillRect(at - 0.5, 0, 1, height);
		pen.fillStyle = ink("--soft");
		pen.font = FONT;
		pen.fillText("events", 8, EVENT_PX - 3);
		strips.forEach(({ name }, i) => {
			pen.fillText(name, 8, height - (strips.length - i) * STRIP_PX + 9, LABELS_PX - 12);
		});
	};
	return { width: LABELS_PX + width + 8, height: height + AXIS_PX, draw };
}

type Numbers = ArrayLike<number | null | undefined>;

/** A line through all numbers, with a gap where there is none. */
function drawLane(
	pen: Pen,
	room: Room,
	stretch: Stretch,
	colour: string,
	x: ArrayLike<number>,
	y: Numbers,
	[low, high]: readonly [number, number],
	[top, bottom]: readonly [number, number],
): void {
	const down = scaleTo([low, high], bottom, top);
	pen.beginPath();
	let isDown = false;
	for (let i = 0; i < x.length; i++) {
		const value = y[i];
		const isNumber = value !== null && value !== undefined;
		if (isNumber) {
			const place = [acrossOf(room, stretch, x[i] as number), down(value)] as const;
			if (isDown) pen.lineTo(...place);
			else pen.moveTo(...place);
		}
		isDown = isNumber;
	}
	pen.strokeStyle = colour;
	pen.lineWidth = 1.25;
	pen.lineJoin = "round";
	pen.stroke();
}

function drawLabel(
	pen: Pen,
	{ title, units, colour }: Lane,
	[low, high]: readonly [number, number],
	[top, bottom]: readonly [number, number],
	ink: Room["ink"],
): void {
	const middle = (top + bottom) / 2;
	pen.fillStyle = colour;
	pen.fillRect(0, top, 3, bottom - top);
	pen.font = FONT;
	pen.fillStyle = ink("--ink");
	pen.fillText(title, 8, middle - 2, LABELS_PX - 12);
	pen.fillStyle = ink("--soft");
	pen.fillText(`${say(low)} to ${say(high)} ${units}`, 8, middle + 11, LABELS_PX - 12);
}

function drawAxis(
	pen: Pen,
	room: Room,
	{ stretch }: Shown,
	ticks: readonly { row: number; text: string }[],
	title: string,
): void {
	pen.font = FONT;
	pen.textAlign = "center";
	for (const { row, text } of ticks) {
		const at = acrossOf(room, stretch, row);
		pen.fillStyle = room.ink("--line");
		pen.fillRect(at - 0.5, 0, 1, room.height + 3);
		pen.fillStyle = room.ink("--soft");
		pen.fillText(text, at, room.height + 15);
	}
	pen.textAlign = "right";
	pen.fillText(title, room.left - 12, room.height + 15, LABELS_PX - 20);
	pen.textAlign = "start";
}
