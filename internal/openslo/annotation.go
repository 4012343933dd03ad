package openslo

// What an objective of a finance estate says and OpenSLO does not stands in
// annotations.
const (
	prefix = "closewatch/"

	// Of an SLO.
	annotationProcess           = prefix + "process" // of a Service, too
	annotationObjective         = prefix + "objective"
	annotationKind              = prefix + "kind"
	annotationSource            = prefix + "source" // users, synthetic or records
	annotationEnvironment       = prefix + "environment"
	annotationTenant            = prefix + "tenant"
	annotationEvery             = prefix + "every"     // none may be missed
	annotationThreshold         = prefix + "threshold" // where the query does not tell it
	annotationCriticalTarget    = prefix + "critical-target"
	annotationCriticalThreshold = prefix + "critical-threshold"
	annotationCriticalOnly      = prefix + "critical-only"
	annotationIndicator         = prefix + "indicator" // as in an estate, where the query does not tell it
	annotationBudget            = prefix + "budget"    // as in an estate, what OpenSLO cannot say of it

	// Of a Service.
	annotationTier           = prefix + "tier"
	annotationCloseTier      = prefix + "close-tier"
	annotationCriticalWindow = prefix + "critical-window" // as in an estate
	annotationRTO            = prefix + "rto"
	annotationRPO            = prefix + "rpo"
	annotationRTOCritical    = prefix + "rto-critical"
	annotationRPOCritical    = prefix + "rpo-critical"
	annotationDisabled       = prefix + "disabled" // objectives of the catalogue that the estate does not have

	// Of alert policies and conditions.
	annotationShort = prefix + "short-window"
	annotationShare = prefix + "budget-share"
)

func annotationsOfSLO() []string {
	return []string{
		annotationProcess, annotationObjective, annotationKind, annotationSource, annotationEnvironment, annotationTenant, annotationEvery,
		annotationThreshold, annotationCriticalTarget, annotationCriticalThreshold, annotationCriticalOnly, annotationIndicator, annotationBudget,
	}
}

func annotationsOfService() []string {
	return []string{
		annotationProcess, annotationTier, annotationCloseTier, annotationCriticalWindow, annotationRTO, annotationRPO, annotationRTOCritical, annotationRPOCritical, annotationDisabled,
	}
}
