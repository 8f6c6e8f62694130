//! Flavors of JSON: how dates, times, decimals, bytes and variants are written by whom.

use alluvium_sql::types::Type;

/// Who writes or reads the JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flavor {
    /// What is simplest to write and read.
    #[default]
    Default,
    /// What Debezium writes of MySQL.
    DebeziumMysql,
    /// What Debezium writes of Postgres.
    DebeziumPostgres,
    /// What Snowflake reads.
    Snowflake,
    /// What the JSON converter of Kafka Connect writes.
    KafkaConnect,
    /// What Pandas writes.
    Pandas,
    /// Default, bytes in base 58.
    Blockchain,
    /// Default, bytes as hexadecimal digits.
    CHex,
    /// Default, points in time as RFC 3339 has it.
    Datagen,
    /// What Postgres reads.
    Postgres,
    /// Default, points in time as milliseconds since 1970.
    Clock,
}

/// How days are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateForm {
    Text,
    Days,
}

/// How times of day are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeForm {
    Text,
    Micros,
    Millis,
}

/// How points in time are written. All texts are read in all forms of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestampForm {
    /// `2024-02-29 12:00:00.000`
    Blank,
    /// `2024-02-29T12:00:00Z`
    Zulu,
    /// `2024-02-29T12:00:00+00:00`
    Offset,
    Millis,
}

/// How bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BytesForm {
    /// An array of numbers.
    Numbers,
    Base58,
    /// Behind `0x`.
    Hex,
    /// Behind `\x`.
    PostgresHex,
}

/// How values are written in a flavor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub date: DateForm,
    pub time: TimeForm,
    pub timestamp: TimestampForm,
    pub zoned: TimestampForm,
    pub bytes: BytesForm,
    /// Decimals are written as texts; both are read.
    pub is_decimal_text: bool,
    /// A variant is a text that holds JSON.
    pub is_variant_text: bool,
}

impl Flavor {
    /// The flavors, by name.
    pub(crate) const ALL: [(&'static str, Self); 11] = [
        ("default", Self::Default),
        ("debezium_mysql", Self::DebeziumMysql),
        ("debezium_postgres", Self::DebeziumPostgres),
        ("snowflake", Self::Snowflake),
        ("kafka_connect_json_converter", Self::KafkaConnect),
        ("pandas", Self::Pandas),
        ("blockchain", Self::Blockchain),
        ("c_hex", Self::CHex),
        ("datagen", Self::Datagen),
        ("postgres", Self::Postgres),
        ("clock", Self::Clock),
    ];

    /// Its name in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, flavor)| *flavor == self).map_or("default", |(name, _)| name)
    }

    pub(crate) fn encoding(self) -> Encoding {
        let plain = Encoding {
            date: DateForm::Text,
            time: TimeForm::Text,
            timestamp: TimestampForm::Blank,
            zoned: TimestampForm::Zulu,
            bytes: BytesForm::Numbers,
            is_decimal_text: false,
            is_variant_text: false,
        };
        let foreign = Encoding { is_decimal_text: true, is_variant_text: true, ..plain };
        let (days, millis) = (DateForm::Days, TimestampForm::Millis);
        match self {
            Self::Default => plain,
            Self::DebeziumMysql => {
                Encoding { date: days, time: TimeForm::Micros, timestamp: TimestampForm::Zulu, ..foreign }
            }
            Self::DebeziumPostgres => Encoding { date: days, time: TimeForm::Micros, timestamp: millis, ..foreign },
            Self::KafkaConnect => Encoding { date: days, time: TimeForm::Millis, timestamp: millis, ..foreign },
            Self::Snowflake => Encoding { timestamp: TimestampForm::Offset, zoned: TimestampForm::Offset, ..foreign },
            Self::Pandas => Encoding { timestamp: millis, zoned: millis, ..foreign },
            Self::Blockchain => Encoding { bytes: BytesForm::Base58, ..plain },
            Self::CHex => Encoding { bytes: BytesForm::Hex, ..plain },
            Self::Datagen => Encoding { timestamp: TimestampForm::Zulu, ..plain },
            Self::Postgres => Encoding { bytes: BytesForm::PostgresHex, is_decimal_text: true, ..plain },
            Self::Clock => Encoding { timestamp: millis, ..plain },
        }
    }
}

impl Encoding {
    /// Whether values of a type are written as texts.
    pub(crate) fn is_text(self, kind: &Type) -> bool {
        match kind {
            Type::Char(_) | Type::Varchar(_) | Type::Uuid => true,
            Type::Date => self.date == DateForm::Text,
            Type::Time => self.time == TimeForm::Text,
            Type::Timestamp => self.timestamp != TimestampForm::Millis,
            Type::TimestampTz => self.zoned != TimestampForm::Millis,
            Type::Decimal(..) => self.is_decimal_text,
            Type::Binary(_) | Type::Varbinary(_) => self.bytes != BytesForm::Numbers,
            Type::Variant => self.is_variant_text,
            _ => false,
        }
    }
}
