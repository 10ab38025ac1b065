/** Many pictures to pick one from, in groups; only those on the screen are there. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { lay, lineOf, linesBetween, moved } from "./laying";
import { useSize } from "./seeing";

export interface Group {
	/** Empty for no heading. */
	title: string;
	items: readonly number[];
}

interface Props {
	/** Unique on the page. */
	name: string;
	label: string;
	groups: readonly Group[];
	/** Pixels, with what lies between cells. */
	width: number;
	height: number;
	current: number | null;
	onPick: (item: number) => void;
	nameOf: (item: number) => string;
	show: (item: number) => ComponentChildren;
}

const HEADING = 22;

export function Cells({ name, label, groups, width, height, current, onPick, nameOf, show }: Props) {
	const place = useRef<HTMLDivElement>(null);
	const size = useSize(place);
	const [top, setTop] = useState(0);
	const across = Math.max(1, Math.floor(size.width / width));
	const laid = lay(groups, across, height, HEADING);
	useEffect(() => {
		const line = current === null ? undefined : laid.lines[lineOf(laid, current)];
		const box = place.current;
		if (!line || !box || size.height === 0) return;
		if (line.top < box.scrollTop) box.scrollTop = Math.max(0, line.top - HEADING);
		else if (line.top + height > box.scrollTop + box.clientHeight) box.scrollTop = line.top + height - box.clientHeight;
	}, [current, across, size.height, groups]);
	const press = (event: KeyboardEvent) => {
		const next = moved(laid, current, event.key, Math.max(1, Math.floor(size.height / height)));
		if (next === null) return;
		event.preventDefault();
		event.stopPropagation();
		onPick(next);
	};
	const shown = size.height ? linesBetween(laid, top - height, top + size.height + height) : [];
	const idOf = (item: number) => `${name}-${item}`;
	const isShown = current !== null && shown.some((line) => line.items.includes(current));
	return (
		<div
			class="cells"
			ref={place}
			role="listbox"
			aria-label={label}
			tabIndex={0}
			aria-activedescendant={isShown && current !== null ? idOf(current) : undefined}
			onScroll={(event) => setTop(event.currentTarget.scrollTop)}
			onKeyDown={press}
		>
			<div class="cells-all" role="presentation" style={{ height: `${laid.height}px` }}>
				{shown.map((line) =>
					line.title ? (
						<div key={`h${line.top}`} class="cells-title" role="presentation" style={{ top: `${line.top}px` }}>
							{line.title}
						</div>
					) : (
						line.items.map((item, column) => (
							// biome-ignore lint/a11y/useKeyWithClickEvents: keys are heard by the list, which has the focus.
							<div
								key={item}
								id={idOf(item)}
								class="cell"
								role="option"
								tabIndex={-1}
								aria-selected={item === current}
								aria-label={nameOf(item)}
								title={nameOf(item)}
								style={{
									top: `${line.top}px`,
									left: `${column * width}px`,
									width: `${width}px`,
									height: `${height}px`,
								}}
								onClick={() => onPick(item)}
							>
								{show(item)}
							</div>
						))
					),
				)}
			</div>
		</div>
	);
}
