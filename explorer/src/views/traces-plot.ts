/** Traces one below the other on one axis of time, with events above, actions below, and the selection behind. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Episode } from "../data/schema";
import { ticksOf } from "../parts/axes";
import { CLASS_COLOURS, cssOf, rangeOf } from "../parts/colours";
import { decimate, mostFrequent } from "../parts/decimating";
import { inkOf, type Size } from "../parts/screen";
import { firstFrom } from "../parts/searching";
import type { Happened } from "../parts/walking";
import type { Axis, Stretch } from "../parts/zooming";
import type { Lane } from "./traces-lanes";

export const EVENT_PX = 14;
export const STRIP_PX = 11;
export const AXIS_PX = 20;
/** Half of the width of a mark where there is room; then a line goes down from it too. */
const LARGE_MARK_PX = 4;
const LANE_GAP_PX = 4;
/** Below so many pixels for each, points are dots too. */
const SPARSE_PX = 6;

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

/** Lowest and highest number of the visible part of each lane. */
export type Range = [number, number];

export class TracePlot {
	readonly plot: uPlot;
	ranges: Range[] = [];
	/** Told after everything is drawn, and has its size. */
	onDraw: () => void = () => {};
	private shown: Shown;
	private isSparse = false;

	constructor(
		private readonly place: HTMLElement,
		size: Size,
		shown: Shown,
	) {
		this.shown = shown;
		const ink = (name: string) => () => inkOf(place, name);
		const scales: uPlot.Scales = { x: { time: false, auto: false } };
		const series: uPlot.Series[] = [{}];
		shown.lanes.forEach((_, i) => {
			scales[`y${i}`] = { range: () => this.rangeOfLane(i) };
			series.push({
				scale: `y${i}`,
				stroke: () => this.shown.lanes[i]?.colour ?? "",
				width: 1.25,
				points: { show: () => this.isSparse, size: 4 },
			});
		});
		const options: uPlot.Options = {
			width: Math.max(size.width, 50),
			height: Math.max(size.height, 50),
			padding: [0, 8, 0, 4],
			legend: { show: false },
			cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false } },
			scales,
			series,
			axes: [
				{
					size: AXIS_PX,
					gap: 2,
					font: "11px system-ui, sans-serif",
					stroke: ink("--soft"),
					grid: { stroke: ink("--line"), width: 1 },
					ticks: { stroke: ink("--line"), size: 3 },
					splits: () => this.ticks().map((at) => this.shown.axis.origin + at * this.shown.axis.rows),
					values: (_, splits) => splits.map((row) => this.sayTick(row)),
				},
				...shown.lanes.map((_, i) => ({ scale: `y${i}`, show: false })),
			],
			hooks: {
				drawClear: [() => this.drawSelection()],
				draw: [
					() => {
						this.drawBorders();
						this.drawStrips();
						this.drawEvents();
						this.onDraw();
					},
				],
			},
		};
		this.plot = new uPlot(options, this.data(), place);
		this.rescale();
	}

	/** The same lanes, something else of them. */
	update(shown: Shown, size: Size): void {
		const before = this.shown;
		this.shown = shown;
		const isResized = size.width !== this.plot.width || size.height !== this.plot.height;
		if (isResized) this.plot.setSize({ width: Math.max(size.width, 50), height: Math.max(size.height, 50) });
		if (!isResized && before.stretch === shown.stretch && before.lanes === shown.lanes) {
			this.plot.redraw(false);
			return;
		}
		this.plot.setData(this.data(), false);
		this.rescale();
	}

	destroy(): void {
		this.plot.destroy();
	}

	rowAt(left: number): number {
		const [start, stop] = this.shown.stretch;
		const share = left / Math.max(this.plot.over.clientWidth, 1);
		return Math.min(Math.max(Math.floor(start + share * (stop - start)), start), stop - 1);
	}

	/** Pixels from the left of the plot's own place; not by its scale, which uPlot sets a little later. */
	leftOf(row: number): number {
		const [start, stop] = this.shown.stretch;
		const { offsetLeft, clientWidth } = this.plot.over;
		return offsetLeft + ((row + 0.5 - start) / (stop - start)) * clientWidth;
	}

	private rescale(): void {
		const [start, stop] = this.shown.stretch;
		this.plot.setScale("x", { min: start - 0.5, max: stop - 0.5 });
	}

	private data(): uPlot.AlignedData {
		const { lanes, stretch, episodes } = this.shown;
		const [start, stop] = stretch;
		const width = Math.max(this.plot?.over.clientWidth ?? this.place.clientWidth, 100);
		this.isSparse = width / (stop - start) > SPARSE_PX;
		const numbers = lanes.map((lane) => lane.numbers ?? new Float32Array(0));
		const borders = episodes.filter((each) => each.start > start && each.start < stop).map((each) => each.start);
		const { x, ys } = decimate(numbers, start, stop, Math.ceil(width), borders);
		this.ranges = ys.map((y) => rangeOf(y.filter((each) => each !== null)));
		return [x, ...ys];
	}

	/** Places of a lane's top and bottom, in pixels of the style sheet from the top of the plot. */
	sidesOf(lane: number): [number, number] {
		const room = this.height() - EVENT_PX - STRIP_PX * this.shown.strips.length;
		const each = room / Math.max(this.shown.lanes.length, 1);
		return [EVENT_PX + lane * each + LANE_GAP_PX / 2, EVENT_PX + (lane + 1) * each - LANE_GAP_PX / 2];
	}

	private height(): number {
		return this.plot ? this.plot.bbox.height / uPlot.pxRatio : 100;
	}

	/** Such that the lane's numbers fill the lane, and it alone. */
	private rangeOfLane(lane: number): [number, number] {
		const [low, high] = this.ranges[lane] ?? [0, 1];
		const [top, bottom] = this.sidesOf(lane);
		const perPixel = (high - low) / Math.max(bottom - top, 1);
		const height = this.height();
		return [low - perPixel * (height - bottom), high + perPixel * top];
	}

	private ticks(): number[] {
		const { axis, stretch } = this.shown;
		const width = this.plot ? this.plot.bbox.width / uPlot.pxRatio : 400;
		const at = (row: number) => (row - axis.origin) / axis.rows;
		return ticksOf([at(stretch[0]), at(stretch[1] - 1)], Math.max(Math.floor(width / 80), 2));
	}

	private sayTick(row: number): string {
		const { axis } = this.shown;
		return String(Number(((row - axis.origin) / axis.rows).toPrecision(7))).replace("-", "−");
	}

	/** Device pixels of a row on the canvas. */
	private across(row: number): number {
		return this.plot.valToPos(row, "x", true);
	}

	private drawSelection(): void {
		const { selected, stretch } = this.shown;
		if (!selected) return;
		const { ctx, bbox } = this.plot;
		const pixels = new Uint8Array(Math.ceil(bbox.width) + 1);
		const last = firstFrom(selected, stretch[1]);
		const [start, stop] = stretch;
		const perRow = bbox.width / (stop - start);
		for (let i = firstFrom(selected, start); i < last; i++) {
			const left = ((selected[i] as number) - start) * perRow;
			pixels.fill(1, Math.floor(left), Math.max(Math.ceil(left + perRow), Math.floor(left) + 1));
		}
		ctx.save();
		ctx.globalAlpha = 0.22;
		ctx.fillStyle = inkOf(this.place, "--mark");
		for (let from = 0; from < pixels.length; from++) {
			if (!pixels[from]) continue;
			let to = from;
			while (pixels[to]) to++;
			ctx.fillRect(bbox.left + from, bbox.top, to - from, bbox.height);
			from = to;
		}
		ctx.restore();
	}

	private drawBorders(): void {
		const { episodes, stretch } = this.shown;
		const { ctx, bbox } = this.plot;
		const inside = episodes.filter((each) => each.start > stretch[0] && each.start < stretch[1]);
		if (inside.length > bbox.width / 8) return;
		ctx.save();
		ctx.fillStyle = inkOf(this.place, "--soft");
		ctx.globalAlpha = 0.55;
		for (const { start } of inside) ctx.fillRect(Math.round(this.across(start - 0.5)), bbox.top, 1, bbox.height);
		ctx.restore();
	}

	private drawStrips(): void {
		const { strips, stretch } = this.shown;
		const { ctx, bbox } = this.plot;
		const ratio = uPlot.pxRatio;
		const width = Math.floor(bbox.width);
		strips.forEach((actions, i) => {
			const top = bbox.top + bbox.height - (strips.length - i) * STRIP_PX * ratio;
			const found = mostFrequent(actions, stretch[0], stretch[1], width);
			for (let from = 0; from < width; from++) {
				const action = found[from] as number;
				let to = from + 1;
				while (to < width && found[to] === action) to++;
				if (action >= 0) {
					ctx.fillStyle = colourOfAction(action);
					ctx.fillRect(bbox.left + from, top + ratio, to - from, (STRIP_PX - 2) * ratio);
				}
				from = to - 1;
			}
		});
	}

	/** Good ones point up, bad ones down, so that they can be told apart without colours; the more, the smaller. */
	private drawEvents(): void {
		const { happened, stretch, valences } = this.shown;
		if (!happened) return;
		const { ctx, bbox } = this.plot;
		const [first, last] = [firstFrom(happened.rows, stretch[0]), firstFrom(happened.rows, stretch[1])];
		const room = bbox.width / Math.max(last - first, 1) / uPlot.pxRatio;
		const half = Math.min(Math.max(room / 3, 0.75), LARGE_MARK_PX) * uPlot.pxRatio;
		const [top, middle, bottom] = [1, 7, 13].map((each) => bbox.top + each * uPlot.pxRatio) as [number, number, number];
		const inks = ["--bad", "--soft", "--good"].map((name) => inkOf(this.place, name));
		ctx.save();
		for (let i = first; i < last; i++) {
			const sign = Math.sign(valences[happened.classes[i] as number] ?? 0);
			const x = this.across(happened.rows[i] as number);
			ctx.fillStyle = inks[sign + 1] as string;
			ctx.beginPath();
			if (sign > 0) triangle(ctx, x, half, top, middle);
			else if (sign < 0) triangle(ctx, x, half, bottom, middle);
			else ctx.rect(x - half / 2, middle - half, half, 2 * half);
			ctx.fill();
			if (half < LARGE_MARK_PX * uPlot.pxRatio) continue;
			ctx.globalAlpha = 0.3;
			ctx.fillRect(x - 0.5, bottom, 1, bbox.height - EVENT_PX * uPlot.pxRatio);
			ctx.globalAlpha = 1;
		}
		ctx.restore();
	}
}

function triangle(ctx: CanvasRenderingContext2D, x: number, half: number, tip: number, base: number): void {
	ctx.moveTo(x, tip);
	ctx.lineTo(x - half, base);
	ctx.lineTo(x + half, base);
	ctx.closePath();
}

export const colourOfAction = (action: number): string =>
	cssOf(CLASS_COLOURS[action % CLASS_COLOURS.length] as (typeof CLASS_COLOURS)[number]);
