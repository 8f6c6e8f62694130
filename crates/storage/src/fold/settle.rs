//! Requests in a lane: obey the verdict on the log; without one, decide by applying, and put the verdict there.

use alluvium_kernel::Problem;
use alluvium_tablestore::error::code::CHANGE_TIMES_UNKNOWN;
use alluvium_tablestore::{Applied, ApplyError, Change, ChangeReport, Error, Mark};

use super::counts;
use super::lane::{Lane, LaneError};
use super::queue::CommitEvent;
use super::request::{self, Verdict};
use crate::contract::ColumnSpec;
use crate::model::spec_of;

impl Lane {
    /// A request: obeys the verdict on the log; without one, decides by applying, and puts the verdict there. A change that
    /// cannot even be tried says why.
    pub(super) async fn asked(
        &self,
        seq: u64,
        event: &CommitEvent,
        reply: Option<&str>,
        change: Result<Option<Change>, Problem>,
        to: Mark,
        mark: &mut Option<Mark>,
    ) -> Result<(), LaneError> {
        let on_log = self.effects.verdict(&self.id, event.request(), seq).await?;
        let refused_on_log = on_log.as_ref().is_some_and(|verdict| verdict.problem.is_some());
        let (at, verdict) = if refused_on_log {
            let verdict = on_log.clone().unwrap_or_else(|| Verdict::new(event.request()));
            (self.settle(mark.as_ref(), to, seq, &verdict, None).await?.0, verdict)
        } else {
            let _by_itself = self.by_itself(event.request()).await;
            let is_accepted = on_log.is_some();
            match self.decide(seq, event, change, to.clone(), mark.as_ref(), is_accepted).await {
                Err(error) if on_log.is_none() => match self.gives_up(seq, event, reply, &error).await? {
                    Some(verdict) => (self.settle(mark.as_ref(), to, seq, &verdict, None).await?.0, verdict),
                    None => return Err(error),
                },
                decided => decided?,
            }
        };
        *mark = Some(at);
        if on_log.is_none() && self.tells(seq) && self.effects.is_live() {
            counts::settled(event, &verdict);
        }
        if on_log.is_some_and(|on_log| on_log.problem.is_some() != verdict.problem.is_some()) {
            return Err(LaneError::Diverged(event.request().to_owned()));
        }
        self.tell(seq, event, reply, &verdict).await
    }

    /// A request that the file holds already: its verdict is told again, because nobody knows whether it was.
    pub(super) async fn answered(&self, seq: u64, event: &CommitEvent, reply: Option<&str>) -> Result<(), LaneError> {
        if !self.tells(seq) || !self.effects.is_live() {
            return Ok(());
        }
        let verdict = match self.effects.verdict(&self.id, event.request(), seq).await? {
            Some(verdict) => verdict,
            None => self.kept_verdict(seq, event).await?,
        };
        self.tell(seq, event, reply, &verdict).await
    }

    async fn tell(
        &self,
        seq: u64,
        event: &CommitEvent,
        reply: Option<&str>,
        verdict: &Verdict,
    ) -> Result<(), LaneError> {
        if self.tells(seq) {
            let stands = self.effects.settle(&self.id, seq, event, reply, verdict).await?;
            // Another owner was first, and said otherwise: the log counts.
            if stands.is_some_and(|stands| stands.problem.is_some() != verdict.problem.is_some()) {
                return Err(LaneError::Diverged(event.request().to_owned()));
            }
        }
        Ok(())
    }

    async fn decide(
        &self,
        seq: u64,
        event: &CommitEvent,
        change: Result<Option<Change>, Problem>,
        to: Mark,
        from: Option<&Mark>,
        is_accepted: bool,
    ) -> Result<(Mark, Verdict), LaneError> {
        let accepted = Verdict::new(event.request());
        let change = match change.map(|change| (change.as_ref().and_then(request::missing_content), change)) {
            Ok((None, change)) => change,
            Ok((Some(problem), _)) | Err(problem) => {
                let refused = Verdict { problem: Some(problem), ..accepted };
                let (at, _) = self.settle(from, to, seq, &refused, None).await?;
                return Ok((at, refused));
            }
        };
        match self.settle(from, to.clone(), seq, &accepted, change).await {
            Ok((at, applied)) => {
                let report = applied.changes.first().cloned().unwrap_or_default();
                let result = request::result(&event.event, &report, applied.rows, applied.bytes_estimate);
                Ok((at, Verdict { result, columns: self.columns_added(&report), ..accepted }))
            }
            // Another fold knew when the rows changed, so the log tells it: this file is to be folded again, not gone on with.
            Err(LaneError::Apply(ApplyError::Refused { code, message, .. }))
                if is_accepted && code == CHANGE_TIMES_UNKNOWN =>
            {
                Err(Error::Corrupt { table: self.file.to_string(), reason: message }.into())
            }
            Err(LaneError::Apply(ApplyError::Refused { code, message, details })) => {
                let problem = request::refusal(code, &message, &details);
                let refused = Verdict { problem: Some(problem), ..accepted };
                let (at, _) = self.settle(from, to, seq, &refused, None).await?;
                Ok((at, refused))
            }
            Err(error) => Err(error),
        }
    }

    /// The columns from now on, when a load added some: only the fold knows them. Nothing else changes them before the verdict.
    fn columns_added(&self, report: &ChangeReport) -> Option<Vec<ColumnSpec>> {
        report.load.as_ref().filter(|load| !load.added_columns.is_empty())?;
        self.view().schema.map(|schema| schema.columns.iter().map(spec_of).collect())
    }

    /// Applies a change, if any, and keeps the verdict on its request in the same transaction.
    async fn settle(
        &self,
        from: Option<&Mark>,
        to: Mark,
        request_seq: u64,
        verdict: &Verdict,
        change: Option<Change>,
    ) -> Result<(Mark, Applied), LaneError> {
        let verdict_json = serde_json::to_string(verdict).map_err(|_| Problem::internal())?;
        let settle = Change::Settle { request_seq, verdict_json };
        self.apply(from, to, change.into_iter().chain([settle]).collect()).await
    }

    /// The verdict that the file kept when it applied or refused the request.
    async fn kept_verdict(&self, seq: u64, event: &CommitEvent) -> Result<Verdict, LaneError> {
        let kept = self.blocking(|hub, file| Ok(hub.settlements(file)?)).await?;
        for kept in kept.iter().filter(|kept| kept.request_seq == seq) {
            let verdict = serde_json::from_str::<Verdict>(&kept.verdict_json).ok();
            let Some(verdict) = verdict.filter(|verdict| verdict.request == event.request()) else { continue };
            if verdict.problem.is_some() {
                return Ok(verdict);
            }
            // None when the request changes nothing.
            let report = kept.changes.first().cloned().unwrap_or_default();
            let result = request::result(&event.event, &report, kept.rows, self.view().bytes);
            return Ok(Verdict { result, columns: self.columns_added(&report), ..verdict });
        }
        Err(LaneError::Diverged(format!("{} is below the mark and has no verdict", event.request())))
    }
}

impl Verdict {
    /// Accepted, with nothing to tell yet.
    fn new(request: &str) -> Self {
        Self { request: request.to_owned(), problem: None, result: serde_json::json!({}), columns: None }
    }
}
