/** The raster: every unit of every layer a row, time from left to right. */

import { useMemo, useRef, useState } from "preact/hooks";
import type { Index } from "../data/schema";
import { LIMIT } from "../parts/raster_image";
import { saveCsv, sheetDownloads } from "../parts/saving";
import { isDark, useSize } from "../parts/screen";
import type { Sheet } from "../parts/svg_pen";
import { Empty, Select, View } from "../parts/view";
import { count } from "../parts/words";
import { choose, chosen, index, panelsOf, stretch } from "../state";
import "./raster.css";
import { DARK, LIGHT, NAMES, table } from "./raster-drawing";
import { RasterPlot } from "./raster-plot";
import { useRasterData } from "./raster-reading";

const MOST_CELLS = 5_000_000;

export function Raster() {
	const known = index.value;
	if (!known?.recording || !known.layers.length)
		return (
			<View name="raster" title="Raster">
				<Empty what="No activity of units was recorded." advice={known?.advice.recording} />
			</View>
		);
	return <Drawn known={known} />;
}

function Drawn({ known }: { known: Index }) {
	const place = useRef<HTMLDivElement>(null);
	const size = useSize(place);
	const rows = known.recording?.rows ?? 0;
	const wanted = chosen.value["raster.layer"] ?? "";
	const layers = useMemo(() => {
		const one = known.layers.filter((each) => each.name === wanted);
		return one.length ? one : known.layers;
	}, [known, wanted]);
	const byNumber = chosen.value["raster.order"] === "number";
	const orders = useMemo(() => {
		const panels = panelsOf("order");
		return new Map(
			layers.map((layer) => {
				const order = byNumber ? undefined : panels.find((each) => each.layer === layer.name)?.units;
				return [layer, order ?? Array.from({ length: layer.units }, (_, i) => i)];
			}),
		);
	}, [layers, byNumber]);
	const shown: [number, number] = stretch.value ?? [0, rows];
	const [start, stop] = shown;
	const pixels = size.width > 0 ? Math.max(size.width - NAMES, 1) * size.density : 0;
	const { used, fault } = useRasterData(layers, shown, pixels);
	const [saving, setSaving] = useState("");
	const sheet = useRef<Sheet | null>(null);

	const units = layers.reduce((sum, each) => sum + each.units, 0);
	const perNumber = used?.[0]?.perNumber ?? 1;
	const cells = (stop - start) * units;
	const csv = () => {
		const most = count(Math.floor(MOST_CELLS / units));
		if (cells > MOST_CELLS)
			setSaving(
				`${count(cells)} numbers are too many for a table; zoom in to ${most} decisions or fewer, or choose one layer.`,
			);
		else
			table(layers, orders, shown).then(
				(found) => {
					setSaving("");
					saveCsv("raster", found);
				},
				(error: Error) => setSaving(error.message),
			);
	};
	return (
		<View
			name="raster"
			title="Raster"
			fault={saving || fault}
			settings={
				<>
					<Select
						label="of"
						value={wanted}
						options={[
							{ value: "", title: "all layers" },
							...known.layers.map((each) => ({ value: each.name, title: each.title })),
						]}
						onPick={(name) => choose("raster.layer", name)}
					/>
					{panelsOf("order").length > 0 && (
						<Select
							label="units"
							value={byNumber ? "number" : ""}
							options={[
								{ value: "", title: "alike beside each other" },
								{ value: "number", title: "by number" },
							]}
							onPick={(name) => choose("raster.order", name)}
						/>
					)}
					<span class="raster-key" title="Each unit by its own mean and standard deviation">
						−{LIMIT}
						<i style={{ backgroundImage: (isDark.value ? DARK : LIGHT).css }} />+{LIMIT}{" "}
						{perNumber > 1 ? `standard deviations of means of ${count(perNumber)} decisions` : "standard deviations"}
					</span>
				</>
			}
			downloads={[{ format: "CSV", run: csv }, ...sheetDownloads("raster", () => sheet.current, size.density)]}
		>
			<RasterPlot {...{ place, known, layers, orders, shown, size, used, sheet }} />
		</View>
	);
}
