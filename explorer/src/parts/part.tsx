/** A part of a view with a heading of its own; people can fold it. */

import type { ComponentChildren } from "preact";
import type { Download } from "./saving";

interface Props {
	title: string;
	/** Behind the title: "n = 1 000". */
	note?: string;
	downloads?: Download[];
	fault?: string;
	children: ComponentChildren;
}

export function Part({ title, note = "", downloads = [], fault = "", children }: Props) {
	return (
		<details class="part" open>
			<summary style={{ paddingRight: `${downloads.length * 44}px` }}>
				<h3>{title}</h3>
				{note && <span class="part-note">{note}</span>}
			</summary>
			{downloads.length > 0 && (
				<div class="view-downloads part-downloads">
					{downloads.map(({ format, run }) => (
						<button key={format} type="button" onClick={run} aria-label={`Download ${title} as ${format}`}>
							{format}
						</button>
					))}
				</div>
			)}
			{fault && (
				<p class="fault" role="alert">
					{fault}
				</p>
			)}
			{children}
		</details>
	);
}
