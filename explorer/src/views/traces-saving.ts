/** Traces as a table and as a picture. */

import type { Recording } from "../data/schema";
import { saveCsv, savePng } from "../parts/saving";
import { say } from "../parts/words";
import type { Stretch } from "../parts/zooming";
import { episodeAt } from "../state";
import type { Lane } from "./traces-lanes";
import { EVENT_PX, type TracePlot } from "./traces-plot";

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

/** What is on the screen, the names and ranges beside it. */
export function saveTracesPicture(trace: TracePlot, lanes: readonly Lane[], row: number): void {
	const { ctx, bbox, over } = trace.plot;
	const drawn = ctx.canvas;
	const ratio = drawn.width / Math.max(trace.plot.width, 1);
	const canvas = document.createElement("canvas");
	canvas.width = drawn.width + LABELS_PX * ratio;
	canvas.height = drawn.height;
	const pen = canvas.getContext("2d");
	if (!pen) return;
	const style = getComputedStyle(over);
	pen.fillStyle = style.getPropertyValue("--panel");
	pen.fillRect(0, 0, canvas.width, canvas.height);
	pen.drawImage(drawn, LABELS_PX * ratio, 0);
	pen.fillStyle = style.getPropertyValue("--mark");
	pen.fillRect((trace.leftOf(row) + LABELS_PX) * ratio, 0, ratio, bbox.height);
	pen.font = `${11 * ratio}px system-ui, sans-serif`;
	lanes.forEach(({ title, units, colour }, i) => {
		const [top, bottom] = trace.sidesOf(i);
		const [low, high] = trace.ranges[i] ?? [Number.NaN, Number.NaN];
		const middle = ((top + bottom) / 2) * ratio;
		pen.fillStyle = colour;
		pen.fillRect(0, top * ratio, 3 * ratio, (bottom - top) * ratio);
		pen.fillStyle = style.getPropertyValue("--ink");
		pen.fillText(title, 8 * ratio, middle - 2 * ratio, (LABELS_PX - 12) * ratio);
		pen.fillStyle = style.getPropertyValue("--soft");
		pen.fillText(`${say(low)} to ${say(high)} ${units}`, 8 * ratio, middle + 11 * ratio, (LABELS_PX - 12) * ratio);
	});
	pen.fillText("events", 8 * ratio, (EVENT_PX - 3) * ratio);
	savePng("traces", canvas);
}
