/** The frame of a view: its title, what can be set and saved, and its place for faults and empty states. */

import type { ComponentChildren } from "preact";
import type { Download } from "./saving";

interface Props {
	name: string;
	title: string;
	/** Selects, beside the title. */
	settings?: ComponentChildren;
	downloads?: Download[];
	fault?: string;
	children?: ComponentChildren;
}

export function View({ name, title, settings, downloads = [], fault = "", children }: Props) {
	return (
		<section class={`view view-${name}`} aria-labelledby={`view-${name}`}>
			<header class="view-header">
				<h2 id={`view-${name}`}>{title}</h2>
				<div class="view-settings">{settings}</div>
				{downloads.length > 0 && (
					<div class="view-downloads">
						{downloads.map(({ format, run }) => (
							<button key={format} type="button" onClick={run} aria-label={`Download ${title} as ${format}`}>
								{format}
							</button>
						))}
					</div>
				)}
			</header>
			{fault && (
				<p class="fault" role="alert">
					{fault}
				</p>
			)}
			{children}
		</section>
	);
}

/** What a view says where it has nothing to show: what is missing, and what to run. */
export function Empty({ what, advice }: { what: string; advice: string | undefined }) {
	return (
		<div class="empty">
			<p>{what}</p>
			{advice && <p>{/^\S*retinoscope /.test(advice) ? <code>{advice}</code> : advice}</p>}
		</div>
	);
}

interface SelectProps {
	label: string;
	value: string;
	options: { value: string; title: string; group?: string }[];
	onPick: (value: string) => void;
}

export function Select({ label, value, options, onPick }: SelectProps) {
	const groups = [...new Set(options.map((each) => each.group ?? ""))];
	const choices = (group: string) =>
		options
			.filter((each) => (each.group ?? "") === group)
			.map((each) => (
				<option key={each.value} value={each.value} selected={each.value === value}>
					{each.title}
				</option>
			));
	return (
		<label class="select">
			<span>{label}</span>
			<select value={value} onChange={(event) => onPick(event.currentTarget.value)}>
				{groups.map((group) =>
					group ? (
						<optgroup key={group} label={group}>
							{choices(group)}
						</optgroup>
					) : (
						choices("")
					),
				)}
			</select>
		</label>
	);
}
