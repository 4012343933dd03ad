package odoosim

// What InitDatabase creates, for whoever connects to it.
const (
	Database = "acme" // the tenant database of the laboratory

	MainCompany      = 1 // "Main", entity ACME: where the business happens
	SyntheticCompany = 2 // "Closewatch Synthetic": where the flows write

	AdminUID = 2
	LoadUID  = 7
	ProbeUID = 8

	AdminLogin = "admin"
	LoadLogin  = "load.user"
	ProbeLogin = "closewatch.probe"

	MainSaleJournal      = 1 // INV
	MainPurchaseJournal  = 2 // BILL
	MainMiscJournal      = 3 // MISC
	MainBankJournal      = 6 // BNK1
	SyntheticMiscJournal = 10
	SyntheticSaleJournal = 15 // SYNI
	SyntheticBankJournal = 16 // SYNB

	SyntheticPartner     = 43
	FirstCustomer        = 10 // customers of the main company: FirstCustomer … LastCustomer
	LastCustomer         = 39
	SyntheticReceivable  = 58  // 121000
	SyntheticIncome      = 78  // 400000
	SyntheticSuspense    = 98  // 101402
	SyntheticOutstanding = 100 // 101403, of receipts
	SyntheticBankAccount = 103
)

// Channels of the job queue.
const (
	ChannelRoot     = "root"
	ChannelEInvoice = "root.einvoice"
	ChannelMail     = "root.mail"
)

// Names of scheduled actions (ir_cron.cron_name).
const (
	CronAutoVacuum         = "Base: Auto-vacuum internal data"
	CronMailQueue          = "Mail: Email Queue Manager"
	CronNotifications      = "Notification: Send scheduled message notifications"
	CronAutoPost           = "Account: Post draft entries with auto_post enabled and accounting date up to today"
	CronSendInvoices       = "Send invoices automatically"
	CronRecurringInvoices  = "Generate Recurring Invoices from Contracts"
	CronJobsGC             = "Jobs Garbage Collector"
	CronJobsVacuum         = "AutoVacuum Job Queue"
	CronCurrencyRates      = "Currency Rates Update"
	CronFetchmail          = "Mail: Fetchmail Service"
	CronUnregisteredUsers  = "Users: Notify About Unregistered Users"
	CronEDI                = "EDI: Perform web services operations"
	CronAutomationRules    = "Automation Rules: check and execute"
	CronPullBankStatements = "Pull Online Bank Statements"
)
