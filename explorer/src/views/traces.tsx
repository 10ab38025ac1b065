/** Value, variables and units over time, from the whole recording to single decisions. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { readColumn } from "../data/loading";
import type { Index, Recording } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { sheetDownloads } from "../parts/saving";
import { isDark, useSize } from "../parts/screen";
import { Empty, View } from "../parts/view";
import { happenedIn } from "../parts/walking";
import { axisOf, episodeOf, keepMomentShown, show, zoomBy } from "../parts/zooming";
import { choose, chosen, episodeAt, index, moment, recording, selected, stretch, unit } from "../state";
import "./traces.css";
import { AddTrace } from "./traces-adding";
import { Labels, LEAST_LANE_PX } from "./traces-labels";
import { keysOf, type Lane, lanesOf, stripsOf } from "./traces-lanes";
import { EVENT_PX, type Shown, STRIP_PX } from "./traces-marks";
import { AXIS_PX, TracePlot } from "./traces-plot";
import { handlePointer } from "./traces-pointing";
import { saveTraces, sheetOfTraces } from "./traces-saving";

export function Traces() {
	const [known, all] = [recording.value, index.value];
	if (known && all && known.rows > 0) return <Drawn known={known} all={all} />;
	return (
		<View name="traces" title="Traces">
			<Empty what="No behaviour was recorded." advice={all?.advice.recording} />
		</View>
	);
}

interface Read {
	lanes: Lane[];
	/** Actions of each strip. */
	strips: Float32Array[];
}

async function read(all: Index, known: Recording, keys: string[]): Promise<Read> {
	const actions = known.actions;
	const [lanes, numbers] = await Promise.all([
		lanesOf(all, keys, unit.value),
		actions ? readColumn(actions).catch(() => null) : null,
	]);
	const strips = stripsOf(known).map(({ number }) =>
		numbers && actions ? numbers.filter((_, i) => i % actions.width === number) : new Float32Array(0),
	);
	return { lanes, strips };
}

function Drawn({ known, all }: { known: Recording; all: Index }) {
	const [place, outer, line] = [
		useRef<HTMLDivElement>(null),
		useRef<HTMLDivElement>(null),
		useRef<HTMLDivElement>(null),
	];
	const held = useRef<TracePlot | null>(null);
	const [hovered, setHovered] = useState<number | null>(null);
	const size = useSize(outer);
	const keys = keysOf(chosen.value.traces, known);
	const { value } = useAnswer(() => read(all, known, keys), [all, keys.join(), unit.value, isDark.value]);
	const { value: happened } = useAnswer(() => happenedIn(known), [known]);
	useEffect(keepMomentShown, []);

	const visible = stretch.value ?? ([0, known.rows] as const);
	const inSeconds = chosen.value.time !== "decisions" && known.seconds_per_decision !== null;
	const axis = axisOf(visible, known.episodes, known.seconds_per_decision, inSeconds);
	const shown: Shown | null = useMemo(
		() =>
			value && {
				...value,
				stretch: visible,
				axis,
				episodes: known.episodes,
				happened,
				valences: known.events.map((each) => each.valence),
				selected: selected.value,
			},
		[value, visible[0], visible[1], inSeconds, happened, selected.value],
	);
	const strips = stripsOf(known);
	const least = EVENT_PX + AXIS_PX + STRIP_PX * strips.length + LEAST_LANE_PX * (value?.lanes.length ?? 1);
	const height = Math.max(size.height, least);
	const names = value?.lanes.map((each) => each.key).join() ?? "";

	const placeLine = () => {
		const left = held.current?.leftOf(moment.peek());
		if (line.current && left !== undefined) line.current.style.transform = `translateX(${left}px)`;
	};
	useLayoutEffect(() => {
		const target = place.current;
		if (!target || !shown || !size.width) return;
		const plot = new TracePlot(target, { ...size, width: target.clientWidth, height }, shown);
		held.current = plot;
		plot.onDraw = placeLine;
		const end = handlePointer(plot, setHovered);
		return () => {
			end();
			plot.destroy();
			held.current = null;
		};
	}, [names, isDark.value, shown === null || !size.width]);
	useLayoutEffect(() => {
		if (shown && place.current) held.current?.update(shown, { ...size, width: place.current.clientWidth, height });
	}, [shown, size.width, height]);
	useLayoutEffect(placeLine);

	const row = hovered ?? moment.value;
	const number = episodeAt(moment.value);
	const episode = known.episodes[number];
	const faults = [...new Set([...(value?.lanes ?? []).map((each) => each.fault), happened?.fault ?? ""])];
	return (
		<View
			name="traces"
			title="Traces"
			settings={
				<>
					<AddTrace known={known} all={all} keys={keys} />
					<div class="zoom">
						<button type="button" onClick={() => show(0, known.rows)} disabled={stretch.value === null}>
							Whole recording
						</button>
						<button
							type="button"
							onClick={() => episode && show(episode.start, episode.stop)}
							disabled={episodeOf(visible, known.episodes) === number && visible[1] - visible[0] === lengthOf(episode)}
						>
							This episode
						</button>
						<button type="button" aria-label="Zoom in" title="Zoom in" onClick={() => zoomBy(0.5)}>
							+
						</button>
						<button type="button" aria-label="Zoom out" title="Zoom out" onClick={() => zoomBy(2)}>
							−
						</button>
					</div>
					<button
						type="button"
						aria-pressed={chosen.value.drag === "select"}
						title="What dragging does; with shift it always selects"
						onClick={() => choose("drag", chosen.value.drag === "select" ? "" : "select")}
					>
						Drag selects
					</button>
					{known.seconds_per_decision !== null && (
						<button
							type="button"
							aria-pressed={!inSeconds}
							onClick={() => choose("time", inSeconds ? "decisions" : "")}
						>
							In decisions
						</button>
					)}
				</>
			}
			downloads={[
				{ format: "CSV", run: () => value && saveTraces(known, value.lanes, value.strips, strips, visible) },
				...sheetDownloads("traces", () => sheetOfTraces(held.current, strips, axis.title, row)),
			]}
			fault={faults.filter(Boolean).join(" ")}
		>
			<div class="traces-outer" ref={outer}>
				<div class="traces-body" style={{ height: `${height}px` }}>
					<Labels
						known={known}
						lanes={value?.lanes ?? []}
						ranges={held.current?.ranges ?? []}
						strips={strips.map((each, i) => ({ ...each, actions: value?.strips[i] ?? new Float32Array(0) }))}
						row={row}
						axis={axis}
						keys={keys}
					/>
					<div class="traces-plot">
						<div ref={place} />
						<div
							class="traces-moment"
							ref={line}
							hidden={moment.value < visible[0] || moment.value >= visible[1]}
							style={{ height: `${height - AXIS_PX}px` }}
						/>
					</div>
				</div>
			</div>
		</View>
	);
}

const lengthOf = (episode: { start: number; stop: number } | undefined): number =>
	episode ? episode.stop - episode.start : 0;
