/** Curves that were measured for the picked unit: its activity around events, its tuning. */

import { useRef } from "preact/hooks";
import { readRows } from "../data/loading";
import type { Column, UnitCurvesPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { Plot, scaleTo } from "../parts/axes";
import { Caption } from "../parts/caption";
import { CheckpointPicker } from "../parts/checkpoint_picker";
import { CLASS_COLOURS, cssOf, rangeOf } from "../parts/colours";
import { Part } from "../parts/part";
import { plotDownloads, saveCsv } from "../parts/saving";
import { checkpointNear, sayShort } from "../parts/training";
import { checkpoint, panelsOf } from "../state";
import type { PickedUnit } from "./unit";

interface Curve {
	name: string;
	tone: UnitCurvesPanel["curves"][number]["tone"];
	values: Float32Array;
	low: Float32Array | null;
	high: Float32Array | null;
}

export function UnitCurves(picked: PickedUnit) {
	const panels = panelsOf("unit_curves").filter((each) => each.layer === picked.layer);
	return (
		<>
			{panels.map((panel) => (
				<Curves key={panel.name} panel={panel} {...picked} />
			))}
		</>
	);
}

function read(panel: UnitCurvesPanel, unit: number): Promise<Curve[]> {
	const row = async (column: Column | null) =>
		column && unit < column.rows ? readRows(column, unit, unit + 1) : new Float32Array(0);
	const side = async (column: Column | null) => (column ? row(column) : null);
	return Promise.all(
		panel.curves.map(async ({ name, tone, values, low, high }) => {
			const [middle, below, above] = await Promise.all([row(values), side(low), side(high)]);
			return { name, tone, values: middle, low: below, high: above };
		}),
	);
}

/** Good and bad have the colours they have everywhere; chance is grey; others get one each. */
function colourOf(curves: readonly Curve[], number: number): string {
	const tone = curves[number]?.tone;
	if (tone === "good" || tone === "bad") return `var(--${tone})`;
	if (tone === "chance") return "var(--soft)";
	const before = curves.slice(0, number).filter((each) => each.tone === "neutral").length;
	return before === 0
		? "var(--ink)"
		: cssOf(CLASS_COLOURS[(before + 1) % CLASS_COLOURS.length] as (typeof CLASS_COLOURS)[0]);
}

function Curves({ panel, layer, unit, width }: PickedUnit & { panel: UnitCurvesPanel }) {
	const drawn = useRef<SVGSVGElement>(null);
	const { value, fault, isWaiting } = useAnswer(() => read(panel, unit), [panel, unit]);
	const curves = (value ?? []).filter((each) => each.values.some((it) => !Number.isNaN(it)));
	const all = curves.flatMap(({ values, low, high }) => [...values, ...(low ?? []), ...(high ?? [])]);
	const [least, most] = rangeOf(all.filter(Number.isFinite));
	const y: [number, number] = [least - 0.05 * (most - least), most + 0.05 * (most - least)];
	const x = rangeOf(panel.x);
	const height = 150;
	const box = { left: 52, right: width - 8, top: 8, bottom: height - 32 };
	const [toX, toY] = [scaleTo(x, box.left, box.right), scaleTo(y, box.bottom, box.top)];
	const chosen = panel.is_over_training ? (panel.x[checkpointNear(panel.x, checkpoint.value)] ?? null) : null;
	const name = `${layer}-${unit}-${panel.name}`;
	const csv = () => {
		const sides = (each: Curve) => [each.name, ...(each.low ? [`${each.name}, low`, `${each.name}, high`] : [])];
		const numbers = (each: Curve, i: number) =>
			[each.values[i], ...(each.low ? [each.low[i], each.high?.[i]] : [])].map((it) => it ?? Number.NaN);
		saveCsv(name, [
			[panel.x_title, ...curves.flatMap(sides)],
			...panel.x.map((at, i) => [at, ...curves.flatMap((each) => numbers(each, i))]),
		]);
	};
	const downloads = curves.length ? plotDownloads(name, drawn, csv) : [];
	return (
		<Part title={panel.title} downloads={downloads} fault={fault}>
			{curves.length > 0 && (
				<>
					{panel.is_over_training && <CheckpointPicker frames={panel.x} />}
					<Plot
						drawn={drawn}
						width={width}
						height={height}
						box={box}
						x={x}
						y={y}
						xTitle={panel.x_title}
						yTitle={panel.y_title}
						{...(panel.is_over_training && { sayX: sayShort })}
						label={`${panel.title} of unit ${unit}: ${curves.map((each) => each.name).join(", ")}`}
					>
						{least < 0 && most > 0 && <line class="plot-zero" x1={box.left} x2={box.right} y1={toY(0)} y2={toY(0)} />}
						{x[0] < 0 && x[1] > 0 && <line class="plot-zero" x1={toX(0)} x2={toX(0)} y1={box.top} y2={box.bottom} />}
						{chosen !== null && (
							<line class="plot-now" x1={toX(chosen)} x2={toX(chosen)} y1={box.top} y2={box.bottom} />
						)}
						{curves.map((each, i) => (
							<g key={each.name}>
								{each.low && each.high && (
									<path d={bandOf(panel.x, each.low, each.high, toX, toY)} fill={colourOf(curves, i)} opacity={0.2} />
								)}
								<path
									d={lineOf(panel.x, each.values, toX, toY)}
									stroke={colourOf(curves, i)}
									fill="none"
									stroke-width={1.6}
									stroke-dasharray={each.tone === "chance" ? "4 3" : undefined}
								/>
							</g>
						))}
					</Plot>
					<ul class="legend">
						{curves.map((each, i) => (
							<li key={each.name}>
								<span class={`legend-line ${each.tone}`} style={{ borderColor: colourOf(curves, i) }} /> {each.name}
							</li>
						))}
					</ul>
				</>
			)}
			{curves.length === 0 && !isWaiting && !fault && <p class="line">This unit was not measured.</p>}
			<Caption text={panel.caption} />
		</Part>
	);
}

type Place = (value: number) => number;

/** A line through all numbers, with a gap where there is none. */
export function lineOf(x: readonly number[], y: ArrayLike<number>, toX: Place, toY: Place): string {
	let [path, isDown] = ["", false];
	for (const [i, at] of x.entries()) {
		const value = y[i] ?? Number.NaN;
		if (!Number.isFinite(value)) {
			isDown = false;
			continue;
		}
		path += `${isDown ? "L" : "M"}${toX(at).toFixed(1)} ${toY(value).toFixed(1)}`;
		isDown = true;
	}
	return path;
}

/** The area between two lines, in as many pieces as there are gaps. */
export function bandOf(
	x: readonly number[],
	low: ArrayLike<number>,
	high: ArrayLike<number>,
	toX: Place,
	toY: Place,
): string {
	let path = "";
	let [lower, upper]: [string[], string[]] = [[], []];
	const close = () => {
		if (lower.length > 1) path += `M${upper.join("L")}L${lower.reverse().join("L")}Z`;
		[lower, upper] = [[], []];
	};
	for (const [i, at] of x.entries()) {
		const [below, above] = [low[i] ?? Number.NaN, high[i] ?? Number.NaN];
		if (!Number.isFinite(below) || !Number.isFinite(above)) {
			close();
			continue;
		}
		lower.push(`${toX(at).toFixed(1)} ${toY(below).toFixed(1)}`);
		upper.push(`${toX(at).toFixed(1)} ${toY(above).toFixed(1)}`);
	}
	close();
	return path;
}
