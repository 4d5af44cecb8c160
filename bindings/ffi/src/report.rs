//! Reports.

/// A period's indicators, and what did not go into them.
#[derive(Debug, uniffi::Record)]
pub struct Report {
    /// The first day.
    pub from: String,
    /// The day after the last.
    pub to: String,
    /// The indicators.
    pub indicators: Indicators,
    /// Contacts with a client whose file is not here. They count for stock only.
    pub contacts_unattributed: u64,
    /// People in count-only contacts.
    pub people_counted: u64,
    /// Contacts with a count on which corrections disagree; the lower one counts.
    pub contacts_disputed: u64,
}

/// The indicators of a period. Percentages and rates are text, rounded once, or `no data`.
#[derive(Debug, uniffi::Record)]
pub struct Indicators {
    /// Days in the period.
    pub days: u32,
    /// All contacts.
    pub contacts: u64,
    /// Contacts with a client whose file is here.
    pub contacts_coded: u64,
    /// Contacts with someone unnamed, and count-only ones.
    pub contacts_anonymous: u64,
    /// Persons with a file and at least one contact.
    pub reach_coded: u64,
    /// Client files, whatever the period.
    pub clients_registered: u64,
    /// Sets handed out.
    pub sets_distributed: u64,
    /// Sets handed out to persons with a file.
    pub sets_to_coded: u64,
    /// Used pieces taken back.
    pub returned: u64,
    /// Pieces back for 100 sets out.
    pub return_pct: String,
    /// PRV.8: persons who got a set.
    pub prv8_num: u64,
    /// PRV.8: persons reached.
    pub prv8_den: u64,
    /// PRV.8 in percent.
    pub prv8_pct: String,
    /// PRV.10: sets to persons with a file, for one who got any and a year.
    pub prv10_coded_sets_per_coded_recipient_year: String,
    /// PRV.9, by complete blocks of 30 days.
    pub prv9a_each_30d_block: u64,
    /// PRV.9, by calendar months on average.
    pub prv9b_monthly_average: u64,
    /// Complete blocks of 30 days.
    pub blocks: u32,
    /// Persons whose sets cover the injections they named.
    pub clients_need_met: u64,
    /// Days on which one person was met by two or more educators.
    pub same_day_two_educators: u64,
}

impl From<haversack::Report> for Report {
    fn from(report: haversack::Report) -> Self {
        Self {
            from: report.from,
            to: report.to,
            indicators: report.indicators.into(),
            contacts_unattributed: report.contacts_unattributed,
            people_counted: report.people_counted,
            contacts_disputed: report.contacts_disputed,
        }
    }
}

impl From<haversack::Indicators> for Indicators {
    fn from(of: haversack::Indicators) -> Self {
        Self {
            days: of.days,
            contacts: of.contacts,
            contacts_coded: of.contacts_coded,
            contacts_anonymous: of.contacts_anonymous,
            reach_coded: of.reach_coded,
            clients_registered: of.clients_registered,
            sets_distributed: of.sets_distributed,
            sets_to_coded: of.sets_to_coded,
            returned: of.returned,
            return_pct: of.return_pct,
            prv8_num: of.prv8_num,
            prv8_den: of.prv8_den,
            prv8_pct: of.prv8_pct,
            prv10_coded_sets_per_coded_recipient_year: of.prv10_coded_sets_per_coded_recipient_year,
            prv9a_each_30d_block: of.prv9a_each_30d_block,
            prv9b_monthly_average: of.prv9b_monthly_average,
            blocks: of.blocks,
            clients_need_met: of.clients_need_met,
            same_day_two_educators: of.same_day_two_educators,
        }
    }
}
