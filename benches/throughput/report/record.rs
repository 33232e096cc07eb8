//! A run as values, and as JSON.

use std::error::Error;

use serde_json::{Map, Value, json};

use super::size::Size;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Of the JSON; another number means that this program cannot read it.
const FORMAT: u64 = 1;

/// What a rate, a cost or a size is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// 10^6 bytes a second.
    Megabytes,
    Files,
    Logins,
    /// Memory of a session; less is better.
    Kibibytes,
    /// Time for each file of a tree; less is better, as with all that follow.
    MicrosPerFile,
    /// Time for each 2^30 bytes of a file.
    SecsPerGib,
    /// Time of what is done once, however much there is.
    Millis,
}

impl Unit {
    const ALL: [Unit; 7] = [
        Unit::Megabytes,
        Unit::Files,
        Unit::Logins,
        Unit::Kibibytes,
        Unit::MicrosPerFile,
        Unit::SecsPerGib,
        Unit::Millis,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Unit::Megabytes => "MB/s",
            Unit::Files => "files/s",
            Unit::Logins => "logins/s",
            Unit::Kibibytes => "KiB",
            Unit::MicrosPerFile => "µs/file",
            Unit::SecsPerGib => "s/GiB",
            Unit::Millis => "ms",
        }
    }

    /// What the server's processor time is given for.
    pub(crate) fn of_cpu(self) -> &'static str {
        match self {
            Unit::Files | Unit::MicrosPerFile => "s/1,000 files",
            Unit::Logins => "s/1,000 logins",
            _ => "s/GiB",
        }
    }

    /// How many times as good one value is as another.
    pub(crate) fn ratio(self, value: f64, other: f64) -> f64 {
        match self {
            Unit::Megabytes | Unit::Files | Unit::Logins => value / other,
            Unit::Kibibytes | Unit::MicrosPerFile | Unit::SecsPerGib | Unit::Millis => {
                other / value
            }
        }
    }
}

/// Whose row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// miniftpd's.
    Ours,
    /// Another server's.
    Peer,
    /// A copy by `cp`, without any server.
    Copy,
}

impl Role {
    const ALL: [(Role, &'static str); 3] =
        [(Role::Ours, "ours"), (Role::Peer, "peer"), (Role::Copy, "copy")];
}

/// What one contestant did in one workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) workload: String,
    /// `put`, `get`, `copy` or whatever else was done.
    pub(crate) action: String,
    /// How many clients did it at the same time.
    pub(crate) clients: u64,
    /// Of what, in a workload that does the same with more and more.
    pub(crate) size: Option<Size>,
    /// The contestant: client and server.
    pub(crate) name: String,
    pub(crate) client: String,
    pub(crate) role: Role,
    /// Whether it is compared only with those that use the same client.
    pub(crate) is_by_client: bool,
    /// Whether success means that the files are on the disk.
    pub(crate) is_synced: bool,
    pub(crate) unit: Unit,
    /// One value for each timed round.
    pub(crate) values: Vec<f64>,
    /// The server's processor time, in the unit of [`Unit::of_cpu`].
    pub(crate) cpu: Vec<f64>,
    /// The rates of the slowest and the fastest of several clients.
    pub(crate) slowest: Vec<f64>,
    pub(crate) fastest: Vec<f64>,
    /// The most memory that the client and the server had meanwhile, in KiB; only where the size
    /// changes.
    pub(crate) client_kib: Vec<f64>,
    pub(crate) server_kib: Vec<f64>,
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) date: String,
    /// The machine, line by line: what, and which.
    pub(crate) machine: Vec<(String, String)>,
    /// Sizes, counts and rounds.
    pub(crate) settings: Vec<(String, String)>,
    /// Programs and their versions.
    pub(crate) programs: Vec<(String, String)>,
    /// What was not measured, and why.
    pub(crate) left_out: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// The middle of some values.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied()?;
    let lower = if sorted.len() % 2 == 0 { sorted.get(middle - 1).copied()? } else { upper };
    Some((lower + upper) / 2.0)
}

impl Row {
    /// What counts: the median of its values.
    pub(crate) fn value(&self) -> Option<f64> {
        median(&self.values)
    }

    fn to_json(&self) -> Value {
        let role = Role::ALL.iter().find(|(role, _)| *role == self.role).map(|(_, name)| name);
        json!({
            "workload": self.workload,
            "action": self.action,
            "clients": self.clients,
            "size": self.size.map(Size::to_json),
            "name": self.name,
            "client": self.client,
            "role": role,
            "same_client": self.is_by_client,
            "synced": self.is_synced,
            "unit": self.unit.name(),
            "median": self.value().map(rounded),
            "values": numbers(&self.values),
            "cpu_unit": self.unit.of_cpu(),
            "cpu": numbers(&self.cpu),
            "slowest": numbers(&self.slowest),
            "fastest": numbers(&self.fastest),
            "client_kib": numbers(&self.client_kib),
            "server_kib": numbers(&self.server_kib),
        })
    }

    fn from_json(value: &Value) -> Result<Row> {
        let (unit, role) = (text(value, "unit")?, text(value, "role")?);
        let is = |name: &str| value.get(name).and_then(Value::as_bool).unwrap_or_default();
        Ok(Row {
            workload: text(value, "workload")?,
            action: text(value, "action")?,
            clients: value.get("clients").and_then(Value::as_u64).ok_or("clients")?,
            // Older runs have no row with a size.
            size: value.get("size").and_then(Size::from_json),
            name: text(value, "name")?,
            client: text(value, "client")?,
            role: Role::ALL.iter().find(|row| row.1 == role).ok_or("an unknown role")?.0,
            is_by_client: is("same_client"),
            is_synced: is("synced"),
            unit: Unit::ALL.into_iter().find(|u| u.name() == unit).ok_or("an unknown unit")?,
            values: list(value, "values"),
            cpu: list(value, "cpu"),
            slowest: list(value, "slowest"),
            fastest: list(value, "fastest"),
            client_kib: list(value, "client_kib"),
            server_kib: list(value, "server_kib"),
        })
    }
}

impl Record {
    /// A line for each row, so that two runs can be compared line by line.
    pub(crate) fn to_json(&self) -> String {
        let fields = [
            ("format", json!(FORMAT)),
            ("date", json!(self.date)),
            ("machine", pairs_to_json(&self.machine)),
            ("settings", pairs_to_json(&self.settings)),
            ("programs", pairs_to_json(&self.programs)),
            ("left_out", json!(self.left_out)),
        ];
        let fields = fields.map(|(name, value)| format!("\"{name}\": {value},\n"));
        let rows: Vec<String> = self.rows.iter().map(|row| row.to_json().to_string()).collect();
        format!("{{\n{}\"rows\": [\n{}\n]\n}}\n", fields.concat(), rows.join(",\n"))
    }

    /// Reads what [`Record::to_json`] wrote.
    ///
    /// # Errors
    /// What is missing or unknown in it.
    pub(crate) fn from_json(json: &str) -> Result<Record> {
        let value: Value = serde_json::from_str(json)?;
        if value.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            return Err(format!("it is not a run of the bench in format {FORMAT}").into());
        }
        let rows = value.get("rows").and_then(Value::as_array).ok_or("no rows")?;
        let left_out = value.get("left_out").and_then(Value::as_array).into_iter().flatten();
        Ok(Record {
            date: text(&value, "date")?,
            machine: pairs(&value, "machine"),
            settings: pairs(&value, "settings"),
            programs: pairs(&value, "programs"),
            left_out: left_out.filter_map(Value::as_str).map(str::to_owned).collect(),
            rows: rows.iter().map(Row::from_json).collect::<Result<_>>()?,
        })
    }

    /// Its workloads, in the order in which they were measured.
    pub(crate) fn workloads(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.workload.as_str()) {
                names.push(&row.workload);
            }
        }
        names
    }
}

/// More digits than a measurement has would only make the file longer.
fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

fn numbers(values: &[f64]) -> Vec<f64> {
    values.iter().copied().map(rounded).collect()
}

fn text(value: &Value, name: &str) -> Result<String> {
    let text = value.get(name).and_then(Value::as_str);
    Ok(text.ok_or_else(|| format!("no {name}"))?.to_owned())
}

fn list(value: &Value, name: &str) -> Vec<f64> {
    let list = value.get(name).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_f64).collect()
}

fn pairs_to_json(pairs: &[(String, String)]) -> Value {
    let pairs = pairs.iter().map(|(name, text)| (name.clone(), json!(text)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn pairs(value: &Value, name: &str) -> Vec<(String, String)> {
    let pairs = value.get(name).and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    pairs.map(|(name, value)| (name.clone(), text(value))).collect()
}
