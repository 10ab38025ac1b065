import { View } from "../parts/view";

export function Tables() {
	return <View name="tables" title="Tables" />;
}
