/** Tables, sorted and filtered; a row about a unit, or about a moment, leads to it. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnswer } from "../parts/asking";
import { Caption } from "../parts/caption";
import { saveCsv } from "../parts/saving";
import { useSize } from "../parts/seeing";
import { arrange, type Cell, filtersOf, type Sorting, sayFilters, saySorting, sortingOf } from "../parts/sorting";
import { type Table, tableOf, tablesOf } from "../parts/tables";
import { Empty, Select, View } from "../parts/view";
import { count, say } from "../parts/words";
import { choose, chosen, forget, goTo, index, pickUnit, unit } from "../state";
import "./tables.css";

const ROW = 22;
const SPARE = 8;
const OF_TABLE = ["table.find", "table.filters", "table.sort"] as const;
const [FIND, FILTERS, SORT] = OF_TABLE;

const chooseOrForget = (name: string, text: string) => (text ? choose(name, text) : forget(name));

export function Tables() {
	const known = index.value;
	const all = useMemo(() => (known ? tablesOf(known) : []), [known]);
	const name = all.find((each) => each.name === chosen.value.table)?.name ?? all[0]?.name;
	const { value, fault } = useAnswer(() => (known && name ? tableOf(known, name) : null), [known, name]);
	const [anywhere, filtered, sorted] = OF_TABLE.map((each) => chosen.value[each] ?? "") as [string, string, string];
	const filters = useMemo(() => filtersOf(filtered), [filtered]);
	const sorting = useMemo(() => sortingOf(sorted), [sorted]);
	const shown = useMemo(
		() => (value ? arrange(value.rows, filters, anywhere, sorting) : []),
		[value, filters, anywhere, sorting],
	);
	if (!name)
		return (
			<View name="tables" title="Tables">
				<Empty what="No analysis left a table." advice={known?.advice.table} />
			</View>
		);
	const csv = () => value && saveCsv(value.title, [value.columns, ...shown.map((row) => value.rows[row] ?? [])]);
	const settings = (
		<>
			<Select
				label="Table"
				value={name}
				options={all.map((each) => ({ value: each.name, title: each.title, group: each.group }))}
				onPick={(picked) => {
					OF_TABLE.forEach(forget);
					choose("table", picked);
				}}
			/>
			<label class="select">
				<span>Filter</span>
				<input
					type="search"
					placeholder="text, or > 0.5"
					value={anywhere}
					onInput={(event) => chooseOrForget(FIND, event.currentTarget.value)}
				/>
			</label>
			<span class="soft" aria-live="polite">
				{value && `${count(shown.length)} of ${count(value.rows.length)} rows`}
			</span>
		</>
	);
	return (
		<View name="tables" title="Tables" settings={settings} fault={fault} downloads={[{ format: "CSV", run: csv }]}>
			{value && (
				<Grid
					table={value}
					rows={shown}
					sorting={sorting}
					onSort={(column) => chooseOrForget(SORT, saySorting(nextSorting(sorting, column)))}
					filters={filters}
					onFilter={(column, text) =>
						chooseOrForget(FILTERS, sayFilters(value.columns.map((_, i) => (i === column ? text : (filters[i] ?? "")))))
					}
				/>
			)}
			{value && <Caption text={value.caption} />}
		</View>
	);
}

/** Rising, falling, then as it came. */
export function nextSorting(sorting: Sorting | null, column: number): Sorting | null {
	if (sorting?.column !== column) return { column, isDescending: false };
	return sorting.isDescending ? null : { column, isDescending: true };
}

interface GridProps {
	table: Table;
	/** Numbers of rows, in order. */
	rows: readonly number[];
	sorting: Sorting | null;
	onSort: (column: number) => void;
	filters: readonly string[];
	onFilter: (column: number, text: string) => void;
}

function Grid({ table, rows, sorting, onSort, filters, onFilter }: GridProps) {
	const place = useRef<HTMLDivElement>(null);
	const { height } = useSize(place);
	const [top, setTop] = useState(0);
	useEffect(() => {
		if (place.current) place.current.scrollTop = 0;
		setTop(0);
	}, [table]);
	const isNumeric = useMemo(
		() => table.columns.map((_, i) => table.rows.some((row) => typeof row[i] === "number" && !Number.isNaN(row[i]))),
		[table],
	);
	const isLong = table.rows.some((row) => row.some((cell) => typeof cell === "string" && cell.length > 60));
	// Lines of text that wrap have no height known before; such tables are short.
	const isWhole = isLong && rows.length < 500;
	const first = isWhole ? 0 : Math.max(0, Math.floor(top / ROW) - SPARE);
	const last = isWhole ? rows.length : Math.min(rows.length, Math.ceil((top + height) / ROW) + SPARE);
	const sortOf = (column: number) =>
		sorting?.column !== column ? "none" : sorting.isDescending ? "descending" : "ascending";
	const arrow = { none: "", ascending: " ▲", descending: " ▼" };
	const picked = unit.value;
	return (
		// biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keys.
		<div class="table-scroll" ref={place} tabIndex={0} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
			<table class={isWhole ? "wraps" : "lines"} aria-label={table.title} aria-rowcount={rows.length + 2}>
				<thead>
					<tr aria-rowindex={1}>
						{table.columns.map((heading, column) => (
							<th
								key={`${column}-${heading}`}
								scope="col"
								aria-sort={sortOf(column)}
								class={isNumeric[column] ? "number" : ""}
							>
								<button type="button" onClick={() => onSort(column)}>
									{heading}
									<span aria-hidden="true">{arrow[sortOf(column)]}</span>
								</button>
							</th>
						))}
					</tr>
					<tr aria-rowindex={2}>
						{table.columns.map((heading, column) => (
							<td key={`${column}-${heading}`}>
								<input
									type="text"
									aria-label={`Filter ${heading}`}
									placeholder={isNumeric[column] ? "> 0.5 or 1..2" : "text"}
									value={filters[column] ?? ""}
									onInput={(event) => onFilter(column, event.currentTarget.value)}
								/>
							</td>
						))}
					</tr>
				</thead>
				<tbody>
					{first > 0 && <tr style={{ height: `${first * ROW}px` }} />}
					{rows.slice(first, last).map((number, i) => {
						const row = table.rows[number] ?? [];
						const of = table.unitOf(row);
						const isPicked = of !== null && picked?.layer === of.layer && picked.unit === of.unit;
						const at = of ? null : table.momentOf(row);
						const leads = of ? () => pickUnit(of.layer, of.unit) : at === null ? null : () => goTo(at);
						return (
							<tr
								key={number}
								aria-rowindex={first + i + 3}
								class={`${leads ? "leads" : ""} ${isPicked ? "picked" : ""}`}
							>
								{row.map((cell, column) => (
									<TableCell
										key={table.columns[column]}
										cell={cell}
										isNumeric={isNumeric[column] ?? false}
										isFirst={column === 0}
										leads={leads}
										says={of ? "Show this unit" : "Show this moment"}
									/>
								))}
							</tr>
						);
					})}
					{last < rows.length && <tr style={{ height: `${(rows.length - last) * ROW}px` }} />}
				</tbody>
			</table>
			{rows.length === 0 && <p class="line">No row passes the filters.</p>}
		</div>
	);
}

interface CellProps {
	cell: Cell;
	isNumeric: boolean;
	isFirst: boolean;
	leads: (() => void) | null;
	/** What that shows. */
	says: string;
}

/** The first cell of a row that leads somewhere holds its button; the rest of the row can be clicked too. */
function TableCell({ cell, isNumeric, isFirst, leads, says }: CellProps) {
	const text = wordsOf(cell);
	if (isFirst)
		return (
			<th scope="row" class={isNumeric ? "number" : ""}>
				{leads ? (
					<button type="button" onClick={leads} title={says}>
						{text}
					</button>
				) : (
					text
				)}
			</th>
		);
	return (
		// biome-ignore lint/a11y/useKeyWithClickEvents: the row's first cell holds the button.
		<td class={isNumeric ? "number" : ""} title={text} onClick={leads ?? undefined}>
			{text}
		</td>
	);
}

function wordsOf(cell: Cell): string {
	if (cell === null || (typeof cell === "number" && Number.isNaN(cell))) return "–";
	if (typeof cell === "string") return cell;
	return Number.isInteger(cell) ? String(cell).replace("-", "−") : say(cell);
}
