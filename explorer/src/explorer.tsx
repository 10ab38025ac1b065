/** The page: every view in its place. */

import { count } from "./parts/words";
import { choose, chosen, index, panelsOf, recording, select, selected, selectionFault } from "./state";
import { Agents } from "./views/agents";
import { Embedding } from "./views/embedding";
import { Help } from "./views/help";
import { Images } from "./views/images";
import { Notes } from "./views/notes";
import { Player } from "./views/player";
import { Raster } from "./views/raster";
import { Tables } from "./views/tables";
import { Traces } from "./views/traces";
import { UnitView } from "./views/unit";

const TABS = [
	{ name: "embedding", title: "Embedding", show: Embedding },
	{ name: "images", title: "Images", show: Images },
	{ name: "tables", title: "Tables", show: Tables },
	{ name: "notes", title: "Notes", show: Notes },
];
const OF_COMPARISONS = { name: "agents", title: "Agents", show: Agents };

/** Of a comparison there is one more, which comes first. */
const tabsHere = () => (panelsOf("agents").length > 0 ? [OF_COMPARISONS, ...TABS] : TABS);

export function Explorer() {
	const known = index.value;
	if (!known) return <p class="waiting">Reading the data.</p>;
	const tabs = tabsHere();
	const tab = tabs.find((each) => each.name === chosen.value.tab) ?? tabs[0];
	const Middle = (tab as (typeof TABS)[number]).show;
	return (
		<div class="explorer">
			<div class="explorer-bar">
				<div class="explorer-title">
					<strong>{known.title}</strong> <span>{known.subtitle}</span>
				</div>
				<Selection />
				<Help />
			</div>
			<Player />
			<div class="middle">
				<div class="tabs" role="tablist" aria-label="Views" onKeyDown={walkTabs}>
					{tabs.map((each) => (
						<button
							key={each.name}
							type="button"
							role="tab"
							id={`tab-${each.name}`}
							aria-selected={each === tab}
							aria-controls="tab-panel"
							tabIndex={each === tab ? 0 : -1}
							onClick={() => choose("tab", each.name)}
						>
							{each.title}
						</button>
					))}
				</div>
				<div role="tabpanel" id="tab-panel" class="tab-panel" aria-labelledby={`tab-${tab?.name}`}>
					<Middle />
				</div>
			</div>
			<UnitView />
			<Traces />
			<Raster />
		</div>
	);
}

/** Arrows go from tab to tab, as WAI-ARIA has it. */
function walkTabs(event: KeyboardEvent): void {
	const tabs = tabsHere();
	const at = tabs.findIndex((each) => `tab-${each.name}` === (event.target as Element).id);
	const last = tabs.length - 1;
	const ways: Record<string, number> = {
		ArrowLeft: at ? at - 1 : last,
		ArrowRight: at < last ? at + 1 : 0,
		Home: 0,
		End: last,
	};
	const next = tabs[ways[event.key] ?? -1];
	if (at < 0 || !next) return;
	event.preventDefault();
	choose("tab", next.name);
	document.getElementById(`tab-${next.name}`)?.focus();
}

/** What is selected, in words, and the way out of it. */
function Selection() {
	const rows = selected.value;
	if (selectionFault.value)
		return (
			<p class="selection fault" role="alert">
				{selectionFault.value}{" "}
				<button type="button" onClick={() => select("")}>
					Clear
				</button>
			</p>
		);
	if (!rows) return <p class="selection none">Nothing selected</p>;
	const share = recording.value ? ` (${((100 * rows.length) / recording.value.rows).toFixed(1)}%)` : "";
	return (
		<p class="selection" aria-live="polite">
			<span class="selection-mark" /> {count(rows.length)} moments selected{share}{" "}
			<button type="button" onClick={() => select("")}>
				Clear
			</button>
		</p>
	);
}
