/** Axes of small plots, as SVG: what the plot is of, in which units, and where its numbers lie. */

import type { ComponentChildren } from "preact";
import { say } from "./words";

export interface Box {
	left: number;
	right: number;
	top: number;
	bottom: number;
}

/** Round numbers in a range, at most `most` of them. */
export function ticksOf([low, high]: readonly [number, number], most = 5): number[] {
	const rough = (high - low) / Math.max(most, 1);
	if (!(rough > 0) || !Number.isFinite(rough)) return [];
	const size = 10 ** Math.floor(Math.log10(rough));
	const step = ([1, 2, 2.5, 5, 10].find((each) => each * size >= rough * (1 - 1e-9)) ?? 10) * size;
	const found: number[] = [];
	for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
	return found;
}

/** From numbers to places. */
export function scaleTo([low, high]: readonly [number, number], from: number, to: number): (value: number) => number {
	return (value) => from + ((value - low) / (high - low)) * (to - from);
}

interface Props {
	width: number;
	height: number;
	box: Box;
	x: readonly [number, number];
	y: readonly [number, number];
	xTitle: string;
	yTitle: string;
	yTicks?: { at: number; text: string }[];
	/** How numbers on the horizontal axis are written. */
	sayX?: (value: number) => string;
	/** What the plot shows, for those who cannot see it; empty if its parts say it. */
	label: string;
	drawn?: preact.Ref<SVGSVGElement>;
	children: ComponentChildren;
}

export function Plot({ width, height, box, x, y, xTitle, yTitle, yTicks, sayX = say, label, drawn, children }: Props) {
	const toX = scaleTo(x, box.left, box.right);
	const toY = scaleTo(y, box.bottom, box.top);
	const ticks = yTicks ?? ticksOf(y, 3).map((at) => ({ at, text: say(at) }));
	return (
		<svg
			class="plot"
			ref={drawn ?? null}
			viewBox={`0 0 ${width} ${height}`}
			role={label ? "img" : "presentation"}
			aria-label={label || undefined}
		>
			{ticks.map(({ at, text }) => (
				<g key={at}>
					<line class="plot-grid" x1={box.left} x2={box.right} y1={toY(at)} y2={toY(at)} />
					<text class="plot-tick" x={box.left - 4} y={toY(at) + 3} text-anchor="end">
						{text}
					</text>
				</g>
			))}
			{ticksOf(x, 5).map((at) => (
				<g key={at}>
					<line class="plot-axis" x1={toX(at)} x2={toX(at)} y1={box.bottom} y2={box.bottom + 3} />
					<text class="plot-tick" x={toX(at)} y={box.bottom + 13} text-anchor="middle">
						{sayX(at)}
					</text>
				</g>
			))}
			<line class="plot-axis" x1={box.left} x2={box.right} y1={box.bottom} y2={box.bottom} />
			<text class="plot-title" x={(box.left + box.right) / 2} y={height - 3} text-anchor="middle">
				{xTitle}
			</text>
			<text
				class="plot-title"
				transform={`translate(10 ${(box.top + box.bottom) / 2}) rotate(-90)`}
				text-anchor="middle"
			>
				{yTitle}
			</text>
			{children}
		</svg>
	);
}
