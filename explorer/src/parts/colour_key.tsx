/** What colours mean: a bar with its range, or a list of classes. */

import { cssOf, NOTHING } from "./colours";
import { isDark } from "./screen";
import { type Key, type Shaded, stopsOf } from "./shading";
import { say } from "./words";

export function ColourKey({ shaded }: { shaded: Shaded }) {
	const { key } = shaded;
	if (key.kind === "nothing") return <p class="colour-key">The darker, the more moments.</p>;
	return (
		<p class="colour-key">
			<span class="colour-key-title">{shaded.title}</span>
			{key.kind === "numbers" ? (
				<Bar shade={key} />
			) : (
				<>
					{key.classes.map((each) => (
						<span key={each.title} class="colour-class">
							<i style={{ background: cssOf(each.colour) }} />
							{each.title}
						</span>
					))}
					{key.plain && <Plain title={key.plain} />}
				</>
			)}
		</p>
	);
}

const Plain = ({ title }: { title: string }) => (
	<span class="colour-class">
		<i style={{ background: cssOf(NOTHING), opacity: 0.6 }} />
		{title}
	</span>
);

function Bar({ shade }: { shade: Extract<Key, { kind: "numbers" }> }) {
	const stops = stopsOf(shade.map, isDark.value).map(cssOf).join(",");
	const range = shade.isCut
		? shade.map === "diverging"
			? "as far from 0 as 2nd and 98th percentile"
			: "2nd to 98th percentile"
		: "";
	return (
		<>
			<span class="colour-bar">
				{say(shade.low)}
				<i style={{ backgroundImage: `linear-gradient(to right,${stops})` }} />
				{say(shade.high)} {shade.units}
			</span>
			{range && <span class="colour-range">{range}</span>}
			{shade.hasPlain && <Plain title="no value" />}
		</>
	);
}
