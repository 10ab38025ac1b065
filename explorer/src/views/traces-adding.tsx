/** The small menu that adds a trace. */

import { useRef, useState } from "preact/hooks";
import type { Index, Recording } from "../data/schema";
import { choose } from "../state";
import { keyOfUnit, offered } from "./traces-lanes";

interface Props {
	known: Recording;
	all: Index;
	keys: readonly string[];
}

export function AddTrace({ known, all, keys }: Props) {
	const [layer, setLayer] = useState("");
	const field = useRef<HTMLInputElement>(null);
	const add = (key: string) => {
		if (!keys.includes(key)) choose("traces", [...keys, key].join());
	};
	const chosenLayer = all.layers.find((each) => each.name === layer);
	const rest = offered(known).filter((each) => !keys.includes(each.key));
	return (
		<div class="adding">
			<select
				aria-label="Add a trace"
				value=""
				onChange={(event) => {
					const picked = event.currentTarget.value;
					event.currentTarget.value = "";
					if (!picked.startsWith("layer:")) return add(picked);
					setLayer(picked.slice(6));
					requestAnimationFrame(() => field.current?.focus());
				}}
			>
				<option value="">Add a trace…</option>
				{rest.map(({ key, title }) => (
					<option key={key} value={key}>
						{title}
					</option>
				))}
				{all.layers.length > 0 && (
					<optgroup label="A unit of">
						{all.layers.map(({ name, title }) => (
							<option key={name} value={`layer:${name}`}>
								{title}…
							</option>
						))}
					</optgroup>
				)}
			</select>
			{chosenLayer && (
				<form
					onSubmit={(event) => {
						event.preventDefault();
						const number = Number(field.current?.value);
						if (Number.isInteger(number)) add(keyOfUnit({ layer, unit: number }));
						setLayer("");
					}}
				>
					<label>
						{chosenLayer.title}{" "}
						<input
							ref={field}
							type="number"
							required
							min={0}
							max={chosenLayer.units - 1}
							placeholder={`0 to ${chosenLayer.units - 1}`}
							onKeyDown={(event) => event.key === "Escape" && setLayer("")}
						/>
					</label>{" "}
					<button type="submit">Add</button>
				</form>
			)}
		</div>
	);
}
