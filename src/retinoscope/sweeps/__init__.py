"""Many runs from one plan: trained, evaluated, analysed and compared, each an ordinary run directory."""
