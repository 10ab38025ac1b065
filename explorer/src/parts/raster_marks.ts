/** What is drawn over a raster: names, events, borders, the selection, the moment, the unit. */

import type { Episode, Layer } from "../data/schema";
import { cssOf, toneOf } from "./colours";
import type { Band } from "./raster_image";
import type { Size } from "./screen";
import { firstFrom } from "./searching";
import type { Pen } from "./svg_pen";

export interface Frame {
	size: Size;
	/** Where the picture begins, pixels. */
	left: number;
	top: number;
	shown: [number, number];
	bands: Band<Layer>[];
	ink: { ink: string; paper: string; mark: string; soft: string; line: string };
}

export interface RasterMarks {
	events: { valence: number | null; rows: ArrayLike<number> }[];
	episodes: readonly Episode[];
	selected: Int32Array | null;
	moment: number;
	unit: { top: number; text: string } | null;
	brush: [number, number] | null;
}

export function drawRasterMarks(pen: Pen, frame: Frame, marks: RasterMarks): void {
	const { size, left, top, shown, bands, ink } = frame;
	const [start, stop] = shown;
	const width = size.width - left;
	const x = (row: number) => left + ((row - start) / (stop - start)) * width;
	pen.font = "11px system-ui, sans-serif";
	pen.textBaseline = "middle";
	pen.textAlign = "right";
	for (const band of bands) {
		pen.fillStyle = ink.ink;
		const middle = top + band.top + band.height / 2;
		const isTall = band.height >= 28;
		pen.fillText(
			isTall ? band.item.title : `${band.item.title} (${band.item.units})`,
			left - 9,
			middle - (isTall ? 7 : 0),
			left - 11,
		);
		pen.fillStyle = ink.soft;
		if (isTall) pen.fillText(`${band.item.units} units`, left - 9, middle + 7, left - 11);
		pen.fillStyle = ink.paper;
		pen.fillRect(left, top + band.top + band.height, width, 1);
	}
	shade(pen, frame, marks.selected);
	drawEvents(pen, frame, marks.events);
	const borders = marks.episodes.filter((each) => each.start > start && each.start < stop);
	if (borders.length < width / 6) {
		pen.fillStyle = ink.ink;
		pen.globalAlpha = 0.35;
		for (const each of borders) pen.fillRect(Math.round(x(each.start)), top, 1, size.height - top);
		pen.globalAlpha = 1;
	}
	if (marks.brush) {
		pen.fillStyle = ink.mark;
		pen.globalAlpha = 0.35;
		pen.fillRect(x(marks.brush[0]), top, Math.max(x(marks.brush[1] + 1) - x(marks.brush[0]), 1), size.height - top);
		pen.globalAlpha = 1;
	}
	if (marks.moment >= start && marks.moment < stop) {
		const at = x(marks.moment + 0.5);
		pen.fillStyle = ink.paper;
		pen.fillRect(at - 2, 0, 4, size.height);
		pen.fillStyle = ink.ink;
		pen.fillRect(at - 1, 0, 2, size.height);
	}
	if (marks.unit) drawUnit(pen, frame, marks.unit);
}

/** Moments that are not selected are veiled; a line above shows where the others lie. */
function shade(pen: Pen, { size, left, top, shown, ink }: Frame, rows: Int32Array | null): void {
	if (!rows) return;
	const [start, stop] = shown;
	const width = size.width - left;
	const step = 1 / size.density;
	for (let at = 0; at < width; at += step) {
		const first = start + (at / width) * (stop - start);
		const last = Math.max(start + ((at + step) / width) * (stop - start), Math.floor(first) + 1);
		const isIn = firstFrom(rows, last) > firstFrom(rows, Math.floor(first));
		pen.globalAlpha = isIn ? 1 : 0.65;
		pen.fillStyle = isIn ? ink.mark : ink.paper;
		pen.fillRect(left + at, top - 2, step, isIn ? 3 : size.height - top + 2);
	}
	pen.globalAlpha = 1;
}

/** Good events in the upper half of the line, bad ones in the lower, so that none hides another. */
function drawEvents(pen: Pen, frame: Frame, events: RasterMarks["events"]): void {
	const { size, left, top, shown } = frame;
	const [start, stop] = shown;
	const width = size.width - left;
	for (const { valence, rows } of events) {
		pen.fillStyle = cssOf(toneOf(valence));
		const isHalf = valence !== null && valence !== 0;
		const [from, height] = isHalf ? [valence > 0 ? 0 : (top - 3) / 2, (top - 3) / 2] : [0, top - 3];
		let before = -1;
		for (let i = firstFrom(rows, start); i < rows.length && (rows[i] as number) < stop; i++) {
			const at = Math.round(left + (((rows[i] as number) + 0.5 - start) / (stop - start)) * width);
			if (at === before) continue;
			before = at;
			pen.fillRect(at - 0.5, from, 1.5, height);
		}
	}
}

function drawUnit(pen: Pen, { size, left, ink }: Frame, unit: { top: number; text: string }): void {
	pen.strokeStyle = ink.ink;
	pen.setLineDash([2, 4]);
	pen.lineWidth = 1;
	pen.beginPath();
	pen.moveTo(left, unit.top);
	pen.lineTo(size.width, unit.top);
	pen.stroke();
	pen.setLineDash([]);
	pen.fillStyle = ink.mark;
	pen.beginPath();
	pen.moveTo(left, unit.top);
	pen.lineTo(left - 7, unit.top - 4.5);
	pen.lineTo(left - 7, unit.top + 4.5);
	pen.fill();
	pen.textAlign = "left";
	const wide = pen.measureText(unit.text).width;
	const y = Math.min(Math.max(unit.top, 8), size.height - 8);
	pen.fillStyle = ink.paper;
	pen.globalAlpha = 0.85;
	pen.fillRect(left + 2, y - 7.5, wide + 8, 15);
	pen.globalAlpha = 1;
	pen.fillStyle = ink.ink;
	pen.fillText(unit.text, left + 6, y);
}
