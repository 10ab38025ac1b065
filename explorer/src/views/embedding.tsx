/** The embedding: every moment a point, those alike beside each other. */

import { useMemo, useRef } from "preact/hooks";
import { readColumn } from "../data/loading";
import type { Index, PointsPanel } from "../data/schema";
import { useAnswer } from "../parts/asking";
import { ColourKey } from "../parts/colour_key";
import { choicesOf, colouring, firstChoice, unitOf } from "../parts/colouring";
import { pointsOfMoments } from "../parts/embedding_marks";
import { Grid } from "../parts/grid";
import { saveCsv, sheetDownloads } from "../parts/saving";
import { isDark } from "../parts/screen";
import type { Shaded } from "../parts/shading";
import { PLAIN } from "../parts/splat";
import { Empty, Select, View } from "../parts/view";
import { count } from "../parts/words";
import { choose, chosen, episodeAt, forget, index, panelsOf, unit } from "../state";
import "./embedding.css";
import { ZOOM } from "./embedding-looking";
import { Plot } from "./embedding-plot";
import { sheetOfEmbedding } from "./embedding-saving";

export function Embedding() {
	const known = index.value;
	const panels = panelsOf("points");
	const panel = panels.find((each) => each.name === chosen.value["embedding.panel"]) ?? panels[0];
	if (!known?.recording || !panel)
		return (
			<View name="embedding" title="Embedding">
				<Empty what="No embedding was made of this recording." advice={known?.advice.points} />
			</View>
		);
	return <Shown known={known} panel={panel} panels={panels} />;
}

async function read(panel: PointsPanel, moments: number) {
	const [rows, points] = await Promise.all([readColumn(panel.rows), readColumn(panel.points)]);
	const found = Int32Array.from(rows);
	return { panel, rows: found, points, grid: new Grid(points), pointOf: pointsOfMoments(found, moments) };
}

export type Placed = Awaited<ReturnType<typeof read>>;

function Shown({ known, panel, panels }: { known: Index; panel: PointsPanel; panels: PointsPanel[] }) {
	const place = useRef<HTMLDivElement>(null);
	const choices = useMemo(() => choicesOf(known), [known]);
	const asked = chosen.value["embedding.colour"] ?? firstChoice(choices);
	const picked = unitOf(known, asked, unit.value);
	const choice = picked ? `unit:${picked.layer}:${picked.unit}` : asked;
	const placed = useAnswer(() => read(panel, known.recording?.rows ?? 0), [panel]);
	const points = placed.value;
	const shaded = useAnswer(() => (points ? colouring(known, choice, points.rows, unit.value) : null), [points, choice]);
	const isOurs = shaded.value?.shades.length === points?.rows.length;
	const listed = /^unit:/.test(asked) ? `unit:${picked?.layer}` : asked;
	return (
		<View
			name="embedding"
			title="Embedding"
			fault={placed.fault || shaded.fault}
			settings={
				<>
					{panels.length > 1 && (
						<Select
							label="of"
							value={panel.name}
							options={panels.map((each) => ({ value: each.name, title: each.title }))}
							onPick={(value) => {
								forget(ZOOM);
								choose("embedding.panel", value);
							}}
						/>
					)}
					<Select
						label="coloured by"
						value={listed}
						options={choices}
						onPick={(value) => choose("embedding.colour", value)}
					/>
					{picked && asked !== "unit" && (
						<label class="select">
							<span>number</span>
							<input
								type="number"
								min={0}
								max={(known.layers.find((each) => each.name === picked.layer)?.units ?? 1) - 1}
								value={picked.unit}
								onChange={(event) =>
									choose("embedding.colour", `unit:${picked.layer}:${Number(event.currentTarget.value)}`)
								}
							/>
						</label>
					)}
				</>
			}
			downloads={
				points && shaded.value && isOurs
					? [
							{ format: "CSV", run: () => saveCsv(`embedding-${panel.name}`, table(points, shaded.value)) },
							...sheetDownloads(
								`embedding-${panel.name}`,
								() => shaded.value && sheetOfEmbedding(place.current, panel.title, shaded.value, isDark.value),
								window.devicePixelRatio || 1,
							),
						]
					: []
			}
		>
			{points && shaded.value && isOurs ? (
				<>
					<Plot place={place} known={known} placed={points} shaded={shaded.value} />
					<ColourKey shaded={shaded.value} />
				</>
			) : (
				!placed.fault && <p class="waiting">Reading the points.</p>
			)}
			{choice === "unit" && !unit.value && <p class="embedding-note">Pick a unit to colour the points by it.</p>}
			<p class="embedding-note">
				{count(panel.points.rows)} moments of {panel.layer}
				{panel.note && `; ${panel.note}`}
			</p>
		</View>
	);
}

function table({ rows, points }: Placed, shaded: Shaded | null): (string | number | null)[][] {
	const key = shaded?.key;
	const title = key?.kind === "numbers" && key.units ? `${shaded?.title} (${key.units})` : (shaded?.title ?? "");
	const found: (string | number | null)[][] = [["row", "episode", "decision", "x", "y", title || "colour"]];
	rows.forEach((row, i) => {
		const episode = episodeAt(row);
		const shade = shaded?.shades[i] as number;
		const colour =
			key?.kind === "numbers"
				? (shaded?.values[i] as number)
				: key?.kind === "classes" && shade !== PLAIN
					? (key.classes[shade]?.title ?? "")
					: "";
		const start = index.value?.recording?.episodes[episode]?.start ?? 0;
		found.push([row, episode, row - start, points[2 * i] as number, points[2 * i + 1] as number, colour]);
	});
	return found;
}
