/** What is drawn over an embedding: the moment, the decisions before it, the pointer's point, the lasso. */

import { type Camera, toScreen } from "./camera";
import type { Corner } from "./lasso";
import type { Size } from "./screen";
import type { Pen } from "./svg_pen";

/** Decisions before the moment that are drawn as its trail. */
export const TRAIL = 12;

/** Number of the point of every moment, -1 where it has none. */
export function pointsOfMoments(rows: Int32Array, count: number): Int32Array {
	const found = new Int32Array(count).fill(-1);
	for (let i = 0; i < rows.length; i++) found[rows[i] as number] = i;
	return found;
}

/** Points of the decisions before a moment, oldest first, and of the moment if it has one. */
export function trailOf(pointOf: Int32Array, row: number, episodeStart: number): number[] {
	const found: number[] = [];
	for (let at = Math.max(row - TRAIL, episodeStart); at <= row; at++) {
		const point = pointOf[at] ?? -1;
		if (point >= 0) found.push(point);
	}
	return found;
}

export interface Marks {
	points: Float32Array;
	camera: Camera;
	size: Size;
	trail: number[];
	/** The last of the trail is the moment itself, not one before it. */
	isExact: boolean;
	hovered: number;
	lasso: readonly Corner[];
	ink: { ink: string; paper: string; mark: string; accent: string };
}

export function drawMarks(pen: Pen, marks: Marks): void {
	const { points, camera, size, trail, hovered, lasso, ink } = marks;
	const placed = (point: number) =>
		toScreen(camera, size.width, size.height, points[2 * point] as number, points[2 * point + 1] as number);
	pen.lineJoin = "round";
	pen.lineCap = "round";
	for (let i = 1; i < trail.length; i++) {
		const [from, to] = [placed(trail[i - 1] as number), placed(trail[i] as number)];
		pen.beginPath();
		pen.moveTo(...from);
		pen.lineTo(...to);
		pen.globalAlpha = 0.15 + (0.75 * i) / trail.length;
		pen.strokeStyle = ink.paper;
		pen.lineWidth = 3.5;
		pen.stroke();
		pen.strokeStyle = ink.ink;
		pen.lineWidth = 1.5;
		pen.stroke();
	}
	pen.globalAlpha = 1;
	if (hovered >= 0) ring(pen, placed(hovered), 5, ink.paper, ink.accent, []);
	const last = trail[trail.length - 1];
	if (last !== undefined) ring(pen, placed(last), 7.5, ink.paper, ink.ink, marks.isExact ? [] : [3, 3]);
	if (lasso.length > 1) {
		pen.beginPath();
		for (const [x, y] of lasso) pen.lineTo(...toScreen(camera, size.width, size.height, x, y));
		pen.closePath();
		pen.globalAlpha = 0.12;
		pen.fillStyle = ink.mark;
		pen.fill();
		pen.globalAlpha = 1;
		pen.setLineDash([4, 3]);
		pen.strokeStyle = ink.mark;
		pen.lineWidth = 1.5;
		pen.stroke();
		pen.setLineDash([]);
	}
}

function ring(pen: Pen, [x, y]: [number, number], radius: number, around: string, ink: string, dash: number[]): void {
	pen.beginPath();
	pen.arc(x, y, radius, 0, 2 * Math.PI);
	pen.strokeStyle = around;
	pen.lineWidth = 5;
	pen.stroke();
	pen.strokeStyle = ink;
	pen.lineWidth = 2.5;
	pen.setLineDash(dash);
	pen.stroke();
	pen.setLineDash([]);
}

/** The nearest point of the same episode in time, at or before the moment; -1 for none. */
export function nearestBefore(pointOf: Int32Array, row: number, episodeStart: number): number {
	for (let at = row; at >= episodeStart; at--) if ((pointOf[at] ?? -1) >= 0) return at;
	return -1;
}
