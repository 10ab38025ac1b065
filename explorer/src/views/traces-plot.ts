/** Traces one below the other on one axis of time, with events above, actions below, and the selection behind. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { ticksOf } from "../parts/axes";
import { rangeOf } from "../parts/colours";
import { decimate } from "../parts/decimating";
import { inkOf, type Size } from "../parts/screen";
import { drawMarks, drawSelection, type Room, type Shown, STRIP_PX, sidesOf } from "./traces-marks";

export const AXIS_PX = 20;
/** Below so many pixels for each, points are dots too. */
const SPARSE_PX = 6;

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
				drawClear: [() => drawSelection(this.plot.ctx, this.room(), this.shown)],
				draw: [
					() => {
						drawMarks(this.plot.ctx, this.room(), this.shown);
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

	private sidesOf(lane: number): [number, number] {
		return sidesOf(lane, this.shown.lanes.length, this.height() - STRIP_PX * this.shown.strips.length);
	}

	/** Where the traces lie on the canvas. */
	private room(): Room {
		const { left, top, width, height } = this.plot.bbox;
		return { left, top, width, height, ratio: uPlot.pxRatio, ink: (name) => inkOf(this.place, name) };
	}

	/** What is drawn now, for a file: pixels of the style sheet. */
	content(): {
		shown: Shown;
		data: uPlot.AlignedData;
		ranges: readonly Range[];
		ticks: { row: number; text: string }[];
	} {
		const { axis } = this.shown;
		const ticks = this.ticks().map((at) => axis.origin + at * axis.rows);
		const said = ticks.map((row) => ({ row, text: this.sayTick(row) }));
		return { shown: this.shown, data: this.data(), ranges: this.ranges, ticks: said };
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
}
