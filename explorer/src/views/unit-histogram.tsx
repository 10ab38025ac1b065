/** How active the unit is: over all moments, over the selection, and now. A bar selects its moments. */

import { useMemo, useRef, useState } from "preact/hooks";
import { readUnit } from "../data/loading";
import { useAnswer } from "../parts/asking";
import { Plot, scaleTo, ticksOf } from "../parts/axes";
import { rangeOf } from "../parts/colours";
import { Part } from "../parts/part";
import { plotDownloads, saveCsv } from "../parts/saving";
import { binOf, type Histogram, histogramOf, rangeOfBins } from "../parts/statistics";
import { count, say } from "../parts/words";
import { named } from "../selection";
import { choose, chosen, layerOf, moment, select, selected } from "../state";
import type { PickedUnit } from "./unit";

const BINS = 40;

export function UnitHistogram({ layer, unit, width }: PickedUnit) {
	const known = layerOf(layer);
	const { value, fault } = useAnswer(() => (known ? readUnit(known.activity, unit) : null), [known, unit]);
	const rows = selected.value;
	const range = useMemo(() => (value ? rangeOf(value) : ([0, 1] as [number, number])), [value]);
	const all = useMemo(() => (value ? histogramOf(value, null, range, BINS) : null), [value]);
	const some = useMemo(() => (value && rows ? histogramOf(value, rows, range, BINS) : null), [value, rows]);
	const drawn = useRef<SVGSVGElement>(null);
	const [reached, setReached] = useState<[number, number] | null>(null);
	const isDragging = useRef(false);
	if (!value || !all || !known)
		return (
			<Part title="Activity" fault={fault}>
				{null}
			</Part>
		);

	const isLog = chosen.value.histogram === "log";
	const height = 140;
	const box = { left: isLog ? 56 : 44, right: width - 8, top: 8, bottom: height - 32 };
	const shares = (histogram: Histogram) => Array.from(histogram.counts, (each) => each / Math.max(1, histogram.n));
	const [ofAll, ofSome] = [shares(all), some ? shares(some) : null];
	const most = Math.max(...ofAll, ...(ofSome ?? []));
	const floor = isLog ? Math.max(0.3 / Math.max(all.n, 1), 1e-7) : 0;
	const up = (share: number) => (isLog ? Math.log10(Math.max(share, floor)) : share);
	const y: [number, number] = [up(floor), isLog ? up(Math.min(1, most * 1.5)) : most * 1.06];
	const [toX, toY] = [scaleTo(range, box.left, box.right), scaleTo(y, box.bottom, box.top)];
	const edge = (bin: number) => range[0] + ((range[1] - range[0]) * bin) / BINS;
	const quantity = known.quantity === "component" ? "projection" : known.quantity;
	const units = known.number_units ? ` (${known.number_units})` : "";

	const take = (first: number, last: number, adding: boolean) => {
		const found = rangeOfBins(all, first, last);
		if (found) select(`unit:${named(layer)}:${unit}:${found[0]}:${found[1]}`, adding);
	};
	const binAt = (event: PointerEvent) => {
		const place = drawn.current?.getBoundingClientRect();
		if (!place) return 0;
		const share = (((event.clientX - place.left) / place.width) * width - box.left) / (box.right - box.left);
		return Math.min(Math.max(Math.floor(share * BINS), 0), BINS - 1);
	};
	const press = (event: KeyboardEvent) => {
		const [from, to] = reached ?? [-1, -1];
		const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1 };
		const step = steps[event.key];
		if (step !== undefined) {
			const next = Math.min(Math.max(to + step, 0), BINS - 1);
			setReached([event.shiftKey && from >= 0 ? from : next, next]);
		} else if (event.key === "Home" || event.key === "End") {
			const next = event.key === "Home" ? 0 : BINS - 1;
			setReached([event.shiftKey && from >= 0 ? from : next, next]);
		} else if ((event.key === "Enter" || event.key === " ") && reached) take(from, to, event.ctrlKey || event.metaKey);
		else return;
		event.preventDefault();
		event.stopPropagation();
	};
	const isIn = (bin: number) => reached !== null && bin >= Math.min(...reached) && bin <= Math.max(...reached);
	const csv = () =>
		saveCsv(`${layer}-${unit}-histogram`, [
			["from", "to", "moments", ...(some ? ["selected"] : [])],
			...Array.from(all.counts, (each, bin) => [
				edge(bin),
				edge(bin + 1),
				each,
				...(some ? [some.counts[bin] ?? 0] : []),
			]),
		]);
	const ticks = isLog
		? Array.from({ length: Math.floor(y[1]) - Math.ceil(y[0]) + 1 }, (_, i) => Math.ceil(y[0]) + i).map((at) => ({
				at,
				text: `${say(100 * 10 ** at)}%`,
			}))
		: ticksOf(y, 3).map((at) => ({ at, text: `${say(100 * at)}%` }));
	const name = `${layer}-${unit}-histogram`;
	return (
		<Part
			title="Activity"
			note={`n = ${count(all.n)}${some ? `, ${count(some.n)} selected` : ""}`}
			fault={fault}
			downloads={plotDownloads(name, drawn, csv)}
		>
			<div
				class="histogram"
				role="listbox"
				aria-multiselectable
				tabIndex={0}
				aria-label={`Histogram of the activity of unit ${unit}. Arrows go along its bars, with Shift over several; Enter selects their moments.`}
				aria-activedescendant={reached ? `bar-${reached[1]}` : undefined}
				onKeyDown={press}
				onBlur={() => setReached(null)}
				onPointerDown={(event) => {
					isDragging.current = true;
					event.currentTarget.setPointerCapture(event.pointerId);
					setReached([binAt(event), binAt(event)]);
				}}
				onPointerMove={(event) => isDragging.current && reached && setReached([reached[0], binAt(event)])}
				onPointerUp={(event) => {
					if (isDragging.current && reached) take(reached[0], binAt(event), event.ctrlKey || event.metaKey);
					isDragging.current = false;
				}}
				onPointerCancel={() => {
					isDragging.current = false;
					setReached(null);
				}}
			>
				<Plot
					drawn={drawn}
					width={width}
					height={height}
					box={box}
					x={range}
					y={y}
					xTitle={`${quantity}${units}`}
					yTitle="share of moments"
					yTicks={ticks}
					label=""
				>
					{ofAll.map((share, bin) => {
						const [left, wide] = [toX(edge(bin)), (box.right - box.left) / BINS - 0.7];
						const selectedShare = ofSome?.[bin] ?? 0;
						const inSelection = some ? `, ${count(some.counts[bin] ?? 0)} of the selection` : "";
						const says = `${say(edge(bin))} to ${say(edge(bin + 1))}: ${count(all.counts[bin] ?? 0)} moments${inSelection}`;
						return (
							<g
								key={`${bin}-${left}`}
								id={`bar-${bin}`}
								role="option"
								aria-selected={isIn(bin)}
								aria-label={says}
								class={isIn(bin) ? "bar reached" : "bar"}
							>
								<title>{says}</title>
								<rect class="bar-space" x={left} y={box.top} width={wide + 0.7} height={box.bottom - box.top} />
								{share > 0 && (
									<rect class="bar-all" x={left} y={toY(up(share))} width={wide} height={box.bottom - toY(up(share))} />
								)}
								{selectedShare > 0 && (
									<rect
										class="bar-selected"
										x={left + wide * 0.2}
										y={toY(up(selectedShare))}
										width={wide * 0.6}
										height={box.bottom - toY(up(selectedShare))}
									/>
								)}
							</g>
						);
					})}
					<Now values={value} range={range} toX={toX} top={box.top} bottom={box.bottom} />
				</Plot>
			</div>
			<p class="legend-row">
				<span class="swatch swatch-all" /> all <span class="swatch swatch-selected" /> selection{" "}
				<span class="swatch swatch-now" /> now: <NowValue values={value} />
				<label class="check">
					<input
						type="checkbox"
						checked={isLog}
						onChange={(event) => choose("histogram", event.currentTarget.checked ? "log" : "linear")}
					/>{" "}
					logarithmic
				</label>
			</p>
		</Part>
	);
}

interface NowProps {
	values: Float32Array;
	range: readonly [number, number];
	toX: (value: number) => number;
	top: number;
	bottom: number;
}

/** Apart, so that a change of the moment draws one line and not the histogram. */
function Now({ values, range, toX, top, bottom }: NowProps) {
	const value = values[moment.value] ?? Number.NaN;
	if (Number.isNaN(value)) return null;
	const x = toX(value);
	return <line class="plot-now" x1={x} x2={x} y1={top} y2={bottom} data-bin={binOf(value, range[0], range[1], BINS)} />;
}

function NowValue({ values }: { values: Float32Array }) {
	return <span>{say(values[moment.value] ?? Number.NaN)}</span>;
}
