import { View } from "../parts/view";

export function UnitView() {
	return <View name="unit" title="UnitView" />;
}
